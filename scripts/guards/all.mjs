import { au } from "./au.mjs";
import { az } from "./az.mjs";
import { cry } from "./cry.mjs";
import { door } from "./do.mjs";
import { jw } from "./jw.mjs";
import { key } from "./key.mjs";
import { lg } from "./lg.mjs";
import { lgn } from "./lgn.mjs";
import { oa } from "./oa.mjs";
import { px } from "./px.mjs";
import { refresher } from "./refresher.mjs";
import { ses } from "./ses.mjs";
import { sq } from "./sq.mjs";
import { ss } from "./ss.mjs";
import { tp } from "./tp.mjs";
import { val } from "./val.mjs";
import { webhooks } from "./webhooks.mjs";

/**
 * @typedef {object} Edit
 * @property {string} file where the guard stands
 * @property {string} find its text, found exactly once in that file
 * @property {string} replace what stands there when it is gone; the code must still run
 */

/**
 * @typedef {Edit & {row: string, what: string, also?: Edit[], tests: string[], testName?: string}} Guard
 *   row: a row of SECURITY.md, or the storm that shows it. what: the guard, in words. also: what stands behind it and must go
 *   too for anything to change. tests: the test files of which at least one test must fail then. testName: only tests whose
 *   name matches this are run, where a file takes long.
 */

/** @param {Guard} guard @returns {Edit[]} every edit that takes it out, in order */
export function editsOf({ file, find, replace, also = [] }) {
  return [{ file, find, replace }, ...also];
}

/** Every guard that scripts/guards.mjs takes out. @type {readonly Guard[]} */
export const allGuards = [
  ...cry,
  ...val,
  ...key,
  ...ses,
  ...lgn,
  ...az,
  ...oa,
  ...ss,
  ...px,
  ...jw,
  ...sq,
  ...tp,
  ...au,
  ...lg,
  ...door,
  ...webhooks,
  ...refresher,
];
