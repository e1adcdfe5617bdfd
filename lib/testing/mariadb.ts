import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mysql from "mysql2/promise";
import { freePort } from "@/lib/db/free-port";
import { ensureMariadb } from "@/scripts/lib/mariadb.mjs";
import type { Certificate } from "./certificates";

/** A MariaDB of a test file: in a folder and on a port of its own, ended with the file. */
export interface MariadbServer {
  port: number;
  /** Runs statements as the server's administrator, one by one. */
  administer(...statements: string[]): Promise<unknown[][]>;
  stop(): Promise<void>;
}

const TABLES = [
  "mysql_system_tables.sql",
  "mysql_performance_tables.sql",
  "mysql_system_tables_data.sql",
  "maria_add_gis_sp_bootstrap.sql",
];

/** @param certificate with it the server offers TLS */
export async function startMariadb(certificate?: Certificate): Promise<MariadbServer> {
  const place = await ensureMariadb();
  const folder = await mkdtemp(join(tmpdir(), "latchkey-mariadb-"));
  const env = { ...process.env, ...(place.libraries ? { LD_LIBRARY_PATH: place.libraries } : {}) };
  const common = [
    "--no-defaults",
    ...(process.getuid?.() === 0 ? ["--user=root"] : []),
    `--datadir=${join(folder, "data")}`,
    `--lc-messages-dir=${place.share}`,
    `--character-sets-dir=${join(place.share, "charsets")}`,
    `--plugin-dir=${place.plugins}`,
    `--tmpdir=${folder}`,
    "--skip-log-bin",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
  ];
  const start = (more: string[], input: string | null): ChildProcess => {
    const child = spawn(place.program, [...common, ...more], { env, stdio: ["pipe", "ignore", "pipe"] });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_000);
    });
    child.stdin?.end(input ?? "");
    return child;
  };
  let said = "";
  await mkdir(join(folder, "data"));
  const tables = await Promise.all(TABLES.map((name) => readFile(join(place.share, name), "utf8")));
  const born = start(["--bootstrap"], ["create database mysql;\nuse mysql;", ...tables].join("\n"));
  const code = await new Promise((resolve) => born.once("exit", resolve));
  if (code !== 0) throw new Error(`MariaDB could not be set up.\n${said}`);

  const port = await freePort();
  const socket = join(folder, "socket");
  const tls: string[] = [];
  if (certificate) {
    await writeFile(join(folder, "key.pem"), certificate.key);
    await writeFile(join(folder, "cert.pem"), certificate.cert);
    tls.push(`--ssl-cert=${join(folder, "cert.pem")}`, `--ssl-key=${join(folder, "key.pem")}`);
  }
  const server = start(
    ["--bind-address=127.0.0.1", `--port=${port}`, `--socket=${socket}`, "--skip-name-resolve", ...tls],
    null,
  );
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const connect = () => mysql.createConnection({ socketPath: socket, user: "root", multipleStatements: false });
  for (let tries = 0; ; tries += 1)
    try {
      await (await connect()).end();
      break;
    } catch (cause) {
      if (tries > 600 || server.exitCode !== null) throw new Error(`MariaDB did not start.\n${said}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  return {
    port,
    administer: async (...statements) => {
      const connection = await connect();
      try {
        const answers: unknown[][] = [];
        for (const statement of statements) {
          const [rows] = await connection.query(statement);
          answers.push(Array.isArray(rows) ? rows : []);
        }
        return answers;
      } finally {
        await connection.end();
      }
    },
    stop: async () => {
      server.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
