import { FakeIdp } from "../fake-idp";

/** A fake provider in a process of its own: prints its URL, ends with its parent. */
const idp = await new FakeIdp().start();
process.stdout.write(`${idp.url}\n`);
process.stdin.on("end", () => process.exit(0)).resume();
