import { beforeAll, beforeEach, expect, test, vi } from "vitest";
import { provePassword } from "@/lib/accounts/prove-password";
import { verifyNothing, verifyPassword } from "@/lib/crypto/password";
import { makePerson, type Person } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";

vi.mock("@/lib/crypto/password", async (original) => {
  const password = await original<typeof import("@/lib/crypto/password")>();
  return {
    ...password,
    verifyNothing: vi.fn(password.verifyNothing),
    verifyPassword: vi.fn(password.verifyPassword),
  };
});

/** Nobody learns from how long an answer takes who has an account (SECURITY LGN-3). */
const database = useDatabase();
let person: Person;

beforeAll(async () => {
  person = await makePerson(null, { operator: true });
  await database.owner`update users set password_hash = null where id = ${person.id}`;
});
beforeEach(async () => {
  vi.clearAllMocks();
  await database.owner`delete from sign_in_failures`;
});

test.each([
  ["an account nobody has", () => "nobody@example.com", "a long password"],
  ["an account without a password", () => person.email, "a long password"],
  ["a password longer than any", () => person.email, "x".repeat(201)],
  ["an e-mail longer than any", () => `${"x".repeat(320)}@example.com`, "a long password"],
])("%s costs one check of a password, as a wrong one does", async (_what, email, password) => {
  expect(await provePassword({ email: email(), password, ip: null, device: null })).toBeNull();
  expect(vi.mocked(verifyNothing).mock.calls.length + vi.mocked(verifyPassword).mock.calls.length).toBe(1);
});
