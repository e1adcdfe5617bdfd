/** An answer that goes out as it comes, whatever its type and size; others are put together first (node-entry `send`). */
export class StreamedResponse extends Response {}
