import { isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

/** What a certificate is held against. */
export interface TlsTrust {
  /** The name asked for: sent to the server, and looked for in its certificate unless `anyName`. */
  host: string;
  /** Trusted certificates instead of the system's, PEM. */
  ca?: string;
  /** The certificate may bear another name; its issuer is checked all the same. */
  anyName: boolean;
}

/** Options of TLS to a database, for drivers that begin it themselves. Certificates are always checked, whatever the environment says. */
export function tlsOptions({ host, ca, anyName }: TlsTrust) {
  return {
    host,
    servername: isIP(host) ? "" : host,
    minVersion: "TLSv1.2" as const,
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(anyName ? { checkServerIdentity: () => undefined } : {}),
  };
}

/**
 * TLS over a connection that is open already.
 *
 * @throws the error of node:tls, or one without a code when the time is over or the connection is closed
 */
export function startTls(socket: Socket, trust: TlsTrust, timeoutMs: number): Promise<TLSSocket> {
  return new Promise((done, fail) => {
    let secure: TLSSocket;
    try {
      secure = connectTls({ socket, ...tlsOptions(trust) });
    } catch (error) {
      socket.destroy();
      fail(error);
      return;
    }
    const giveUp = (error: Error) => {
      clearTimeout(timer);
      secure.destroy();
      fail(error);
    };
    const timer = setTimeout(() => giveUp(new Error("TLS took too long")), timeoutMs);
    // Stays attached: an error between here and the driver's own listener must not end the thread.
    secure.on("error", giveUp);
    secure.once("close", () => giveUp(new Error("closed during TLS")));
    secure.once("secureConnect", () => {
      clearTimeout(timer);
      done(secure);
    });
  });
}
