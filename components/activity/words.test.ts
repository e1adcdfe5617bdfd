import { expect, test } from "vitest";
import { actionWords, deed } from "./action-words";
import { detailWords } from "./detail-words";

test("an act on one thing names it", () => {
  expect(deed("secret.reveal", { type: "auth-secret", id: "1", name: "Salesforce" })).toEqual([
    "Revealed a value of secret",
    "Salesforce",
  ]);
  expect(deed("secret.reveal", null)).toEqual(["Revealed a value of secret", null]);
});

test("an act on many things does not say what they are twice", () => {
  const many = { type: "auth-client", id: null, name: "2 auth clients" };
  expect(actionWords("workspaces.auth_clients.get_credentials")).toBe("Read the credentials of auth client");
  expect(deed("workspaces.auth_clients.get_credentials", many)).toEqual(["Read the credentials of", "2 auth clients"]);
  // A secret may be called so.
  expect(deed("secret.reveal", { type: "auth-secret", id: "1", name: "2 secrets" })).toEqual([
    "Revealed a value of secret",
    "2 secrets",
  ]);
});

test("facts are read out in words, and lists of ids are counted, not shown", () => {
  expect(detailWords({ ids: ["6b019916ea4d62ecc0a45c43", "6b019916e669897136f168bb"] })).toBe("2 at once");
  expect(detailWords({ ids: ["6b019916ea4d62ecc0a45c43", "6b019916e669897136f168bb"] }, true)).toBe("");
  expect(detailWords({ ids: ["6b019916ea4d62ecc0a45c43"] })).toBe("");
  expect(detailWords({ type: "oauth2", authClientId: "6b01" })).toBe("type: oauth2 · auth client: 6b01");
  expect(detailWords({ changed: ["name", "scope"], empty: [], nothing: null })).toBe("changed: name, scope");
  expect(detailWords("as it is")).toBe("as it is");
});

test("what an endpoint let pass, refused or could not judge", () => {
  for (const [action, words] of [
    ["endpoint.created", "Added endpoint"],
    ["endpoint.opened", "Let a request pass at endpoint"],
    ["endpoint.refused", "Refused a request at endpoint"],
    ["endpoint.failed", "Could not judge a request at endpoint"],
    ["endpoint.access_opened", "Opened to everybody the endpoint"],
    ["workspaces.endpoint.delete", "Deleted endpoint"],
  ] as const)
    expect(actionWords(action)).toBe(words);
});
