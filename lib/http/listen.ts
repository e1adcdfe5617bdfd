import type { RequestListener, Server } from "node:http";
import { LaunchError } from "@/lib/db/launch-error";
import { limitedServer } from "./limited-server";

/**
 * A limited server that listens.
 *
 * @param setting names the port in complaints
 * @throws LaunchError in words a person can act on: the port is taken or forbidden, the host is none of this machine's
 */
export function listen(
  handler: RequestListener,
  { host, port, setting }: { host: string; port: number; setting: "PORT" | "LATCHKEY_WORKER_PORT" },
): Promise<Server> {
  const server = limitedServer(handler);
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE")
        reject(
          new LaunchError(
            `Port ${port} is taken by another program. Set ${setting} to a free one, such as ${setting}=${port + 1}.`,
          ),
        );
      else if (error.code === "EACCES")
        reject(new LaunchError(`This user may not listen on port ${port}. Set ${setting} to one from 1024.`));
      else if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND")
        reject(new LaunchError(`This machine has no address ${host}. Set LATCHKEY_HOST to one it has.`));
      else reject(error);
    });
    server.listen(port, host, () => resolve(server));
  });
}
