import process from "node:process";
import { findProgram } from "./debian.mjs";

const PLACES = ["/usr/bin/caddy", "/usr/local/bin/caddy", "/opt/homebrew/bin/caddy"];

/**
 * The path of a Caddy: `LATCHKEY_CADDY`, the machine's, or Debian's package, unpacked.
 *
 * @param {string} root the repository
 * @throws Error that says what to install, where neither exists
 */
export const findCaddy = (root) =>
  findProgram(root, { name: "caddy", given: process.env.LATCHKEY_CADDY, places: PLACES, inside: "usr/bin/caddy" });
