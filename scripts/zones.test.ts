import { expect, test } from "vitest";
import { allZoneViolations, zoneViolations } from "./lib/zones.mjs";

test("a page that reaches for a store, drizzle or crypto is told so", () => {
  for (const target of [
    "@/lib/secrets/store",
    "@/drizzle/schema/secrets",
    "@/lib/crypto/envelope",
    "@/lib/accounts/key-store",
  ])
    expect(zoneViolations("app/v2/secrets/route.ts", `import { x } from "${target}";`)).toHaveLength(1);
  expect(zoneViolations("app/v2/secrets/route.ts", 'import { x } from "@/lib/secrets/service";')).toEqual([]);
});

test("core stays core, also through a relative path and across lines", () => {
  expect(zoneViolations("lib/secret-types/basic.ts", 'import {\n  a,\n  b,\n} from "../db/client";')).toHaveLength(1);
  expect(zoneViolations("lib/secrets/state.ts", 'import type { Row } from "@/lib/secrets/store";')).toEqual([]);
});

test("SQL stays in the stores and Next stays out of the services", () => {
  expect(zoneViolations("lib/secrets/service.ts", 'import { secrets } from "@/drizzle/schema/secrets";')).toHaveLength(
    1,
  );
  expect(zoneViolations("lib/secrets/store.ts", 'import { secrets } from "@/drizzle/schema/secrets";')).toEqual([]);
  expect(zoneViolations("lib/secrets/service.ts", 'import { headers } from "next/headers";')).toHaveLength(1);
  expect(zoneViolations("lib/secrets/service.ts", 'const x = await import("@/lib/testing/harness");')).toHaveLength(1);
});

test("the house keeps its own rules", async () => {
  expect(await allZoneViolations(process.cwd())).toEqual([]);
});
