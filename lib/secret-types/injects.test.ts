import { expect, test } from "vitest";
import { apiKey } from "./api-key";
import { basic } from "./basic";
import { httpHeaders } from "./http-headers";
import { noauth } from "./noauth";
import { oauth2 } from "./oauth2";
import { password } from "./password";

/** What each type puts into a request (PX-2): the position is the type's, never the caller's. */
test("each type sends its value in its own header field", () => {
  expect(oauth2.injects({ access_token: "at" })).toEqual([["authorization", "Bearer at"]]);
  expect(basic.injects({ username: "jörg", password: "p:w€" })).toEqual([
    ["authorization", `Basic ${Buffer.from("jörg:p:w€").toString("base64")}`],
  ]);
  expect(apiKey.injects({ headerName: "X-API-Key", headerValue: "k" })).toEqual([["X-API-Key", "k"]]);
  expect(password.injects({ password: "p" })).toEqual([["authorization", "Bearer p"]]);
  expect(httpHeaders.injects({ headers: { "X-A": "1", Cookie: "a=b; c" } })).toEqual([
    ["X-A", "1"],
    ["Cookie", "a=b; c"],
  ]);
  expect(noauth.injects()).toEqual([]);
});
