import { expect, test, vi } from "vitest";
import { useInboundWorld } from "@/lib/testing/inbound-world";

/**
 * SECURITY JW-7 without a clock: every guess makes the same comparisons, all of them by timingSafeEqual and over hashes of one length,
 * whatever of it is right. That timingSafeEqual takes the same time for all inputs of a length is Node's and OpenSSL's.
 */
const compared = vi.hoisted(() => ({ lengths: [] as number[][] }));
vi.mock("node:crypto", async (original) => {
  const real = await original<typeof import("node:crypto")>();
  const timingSafeEqual = (a: Buffer, b: Buffer) => {
    compared.lengths.push([a.length, b.length]);
    return real.timingSafeEqual(a, b);
  };
  return { ...real, default: { ...real, timingSafeEqual }, timingSafeEqual };
});

const world = useInboundWorld();
const USERS = [
  { username: "first", password: "the password of the first" },
  { username: "second", password: "the password of the second" },
] as const;
const KEY = "the key of a program";
const HASH = 64;

/** What a check compared, and whether it passed. */
async function checked(endpoint: string, headers: Record<string, string>) {
  // Whoever guesses from elsewhere is not slowed; what is compared once more is the reading of the endpoint, not the guess.
  await world.check(endpoint, {}, "192.0.2.250");
  compared.lengths = [];
  const { status } = await world.check(endpoint, headers, `192.0.2.${++from}`);
  return { lengths: compared.lengths, status };
}
let from = 0;

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});

test("a user name and password meet every secret whole, whichever part is right", async () => {
  const endpoint = await world.addEndpoint([
    await world.addSecret("basic", { ...USERS[0] }),
    await world.addSecret("basic", { ...USERS[1] }),
  ]);
  const [first, second] = USERS;
  const guesses: [Record<string, string>, number][] = [
    [basic(first.username, first.password), 204],
    [basic(second.username, second.password), 204],
    [basic(first.username, second.password), 401],
    [basic(first.username, `${first.password.slice(0, -1)}x`), 401],
    [basic("nobody", first.password), 401],
    [basic("nobody", "nothing"), 401],
    [basic("", ""), 401],
    [basic("x".repeat(2_000), "y".repeat(4_000)), 401],
    [basic("ü", "密码"), 401],
  ];
  for (const [headers, status] of guesses)
    expect(await checked(endpoint, headers)).toEqual({ status, lengths: Array(4).fill([HASH, HASH]) });
});

test("a key meets its hash, right, nearly right or of another length", async () => {
  const endpoint = await world.addEndpoint([
    await world.addSecret("api_key", { headerName: "X-Key", headerValue: KEY }),
  ]);
  for (const [key, status] of [
    [KEY, 204],
    [`${KEY.slice(0, -1)}x`, 401],
    [`x${KEY.slice(1)}`, 401],
    ["k", 401],
    ["k".repeat(5_000), 401],
  ] as const)
    expect(await checked(endpoint, { "x-key": key })).toEqual({ status, lengths: [[HASH, HASH]] });
});
