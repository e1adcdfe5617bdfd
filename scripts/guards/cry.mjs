/** @type {import("./all.mjs").Guard[]} */
export const cry = [
  {
    row: "CRY-2",
    what: "the place in the associated data",
    file: "lib/crypto/envelope.ts",
    find: "return lengthPrefixed([place.tenantId, place.table, place.rowId, place.field, String(place.generation)]);",
    replace: "return lengthPrefixed([place.tenantId, place.table, place.field, String(place.generation)]);",
    tests: ["lib/crypto/envelope.test.ts"],
  },
];
