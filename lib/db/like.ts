/** The pattern of `like` and `ilike` for what holds this text anywhere; its own wildcards stand for themselves. */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, (c) => `\\${c}`)}%`;
