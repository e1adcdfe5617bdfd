import crypto from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { Cancelled } from "@/lib/cancel";
import type { CheckedAddress } from "@/lib/egress/connector";
import { SqlError } from "./failure";
import type { FromThread, SqlConnection, ThreadData, ToThread } from "./messages";
import { openMysql } from "./mysql";
import { SqlPool } from "./pool";
import { limitScram, openPostgresql } from "./postgresql";

/**
 * What runs beside the process (SECURITY SQ-6): one secret's driver and connections. Whatever a server makes the driver do, this thread
 * pays for it, and ends by it at worst. Bundled by itself (scripts/lib/build.mjs).
 */
const { engine, login, limits } = workerData as ThreadData;
const port = parentPort;
if (!port) throw new Error("This is a thread's program.");
const say = (message: FromThread) => port.postMessage(message);

limitScram(crypto as never);

/** Questions for addresses under way, and statements. */
const asked = new Map<number, { resolve(found: CheckedAddress[]): void; reject(error: SqlError): void }>();
const running = new Map<number, Cancelled>();
/** Connections whose transaction has begun, for the statement that may follow. */
const begun = new Map<number, SqlConnection>();
let lastQuestion = 0;

const askForAddresses = () =>
  new Promise<CheckedAddress[]>((resolve, reject) => {
    const id = ++lastQuestion;
    asked.set(id, { resolve, reject });
    say({ kind: "addresses", id });
  });

const OPEN = { postgresql: openPostgresql, mysql: openMysql };
const open = (): Promise<SqlConnection> => OPEN[engine](login, limits, askForAddresses);
const pool = new SqlPool(open, limits);
const takeBegun = (id: number): SqlConnection | null => {
  const connection = begun.get(id) ?? null;
  begun.delete(id);
  return connection;
};

port.on("message", (message: ToThread) => {
  switch (message.kind) {
    case "addresses": {
      const question = asked.get(message.id);
      asked.delete(message.id);
      if (Array.isArray(message.addresses)) question?.resolve(message.addresses);
      else question?.reject(new SqlError(message.addresses));
      return;
    }
    case "cancel":
      running.get(message.id)?.abort("gone");
      return;
    case "begin": {
      const connection = pool.takeIdle();
      if (!connection) return;
      begun.set(message.id, connection);
      connection.begin(message.readOnly);
      return;
    }
    case "leave": {
      const connection = takeBegun(message.id);
      if (connection) void pool.giveBack(connection);
      return;
    }
    case "run": {
      const gone = new Cancelled();
      running.set(message.id, gone);
      answer(
        message.id,
        pool
          .lend((connection) => connection.run(message.ask, gone), takeBegun(message.id))
          .then((ran) => ({ kind: "ran", id: message.id, answer: ran })),
      );
      return;
    }
    case "test":
      answer(
        message.id,
        pool.lend((connection) => connection.server()).then((server) => ({ kind: "tested", id: message.id, server })),
      );
      return;
    case "alive":
      say({ kind: "alive" });
      return;
    case "end":
      pool.close();
      port.close();
  }
});

/** A failure that is not one of ours ends the thread: nobody knows what state the driver is in. */
function answer(id: number, work: Promise<FromThread>): void {
  work
    .catch((error: unknown): FromThread => {
      if (error instanceof SqlError) return { kind: "failed", id, failure: error.failure };
      throw error;
    })
    .then((message) => {
      running.delete(id);
      say(message);
    });
}
