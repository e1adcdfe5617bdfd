import { cry } from "./cry.mjs";
import { refresher } from "./refresher.mjs";

/**
 * @typedef {object} Guard
 * @property {string} row a row of SECURITY.md, or the storm that shows it
 * @property {string} what the guard, in words
 * @property {string} file where it stands
 * @property {string} find its text, found exactly once in that file
 * @property {string} replace what stands there when it is gone; the code must still run
 * @property {string[]} tests the test files of which at least one test must fail then
 */

/** Every guard that scripts/guards.mjs takes out. @type {readonly Guard[]} */
export const allGuards = [...cry, ...refresher];
