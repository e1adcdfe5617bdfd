import { z } from "zod";
import { requiredText, secretText } from "./free-form";
import type { CredentialField } from "./secret-type";

/** What the types `postgresql` and `mysql` have in common: where a database is, and who one is there. Core. */

/**
 * How the connection is protected. `verify-full`: TLS, a trusted certificate, and the host's name in it. `verify-ca`: a certificate of
 * the given authority, whatever name it bears. `disable`: no TLS, only to hosts that `LATCHKEY_EGRESS_ALLOW` names.
 */
export const TLS_MODES = ["verify-full", "verify-ca", "disable"] as const;
export type TlsMode = (typeof TLS_MODES)[number];

/** Both parts of a login are written into the protocol's first message, where a NUL would begin another parameter. */
const loginText = requiredText
  .max(128, "must have 128 characters at most")
  .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters");

const HOST = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i;
const IPV6 = /^[0-9a-f:]{2,39}$|^[0-9a-f:]+:\d{1,3}(\.\d{1,3}){3}$/i;

/** A name or an address, and nothing else: no port, no scheme, no path of a socket. */
const host = z
  .string("must be text")
  .trim()
  .refine(
    (text) => HOST.test(text) || (text.includes(":") && IPV6.test(text)),
    "must be a host name or an IP address, without port, scheme or path",
  );

const PORT_EXPECTED = "must be a whole number from 1 to 65535";

const certificates = z
  .string("must be text")
  .trim()
  .max(60_000, "must be 60 KB at most")
  .refine(
    (text) => text === "" || /^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----$/.test(text),
    "must be one or more certificates as PEM, beginning with -----BEGIN CERTIFICATE-----",
  )
  .transform((text) => text || undefined);

/** @param defaultPort the engine's own */
export function databaseLogin(defaultPort: number) {
  return z
    .strictObject({
      host,
      port: z
        .union([z.number(), z.string()], PORT_EXPECTED)
        .transform((port) => (port === "" ? defaultPort : Number(port)))
        .refine((port) => Number.isInteger(port) && port >= 1 && port <= 65_535, PORT_EXPECTED)
        .default(defaultPort),
      database: loginText,
      user: loginText,
      password: secretText.refine((text) => !text.includes("\0"), "must not contain the character NUL"),
      tls: z.enum(TLS_MODES, `must be one of ${TLS_MODES.join(", ")}`).default("verify-full"),
      ca: certificates.nullish().transform((pem) => pem ?? undefined),
    })
    .superRefine((login, context) => {
      if (login.tls === "verify-ca" && login.ca === undefined)
        context.addIssue({
          code: "custom",
          path: ["ca"],
          message: "must be given with verify-ca: without it every host with any certificate would be believed",
        });
    });
}

export type DatabaseLogin = z.infer<ReturnType<typeof databaseLogin>>;

/** Where the database is; who one is there stays sealed. */
export const LOGIN_VISIBLE: readonly string[] = ["host", "port", "database", "tls", "ca"];

export function loginFields(defaultPort: number): CredentialField[] {
  return [
    { name: "host", label: "Host", kind: "text", placeholder: "db.example.com", required: true },
    { name: "port", label: "Port", kind: "number", initial: String(defaultPort), required: true },
    { name: "database", label: "Database", kind: "text", required: true },
    { name: "user", label: "User", kind: "text", help: "One with the least rights that do.", required: true },
    { name: "password", label: "Password", kind: "secret", required: true },
    {
      name: "tls",
      label: "TLS",
      kind: "select",
      initial: "verify-full",
      options: [
        { value: "verify-full", label: "Certificate and host name are checked" },
        { value: "verify-ca", label: "Certificate is checked against the CA, its name is not" },
        { value: "disable", label: "No TLS, where the operator allows it" },
      ],
      required: true,
    },
    {
      name: "ca",
      label: "CA",
      kind: "multiline",
      placeholder: "-----BEGIN CERTIFICATE-----",
      help: "Certificates that are trusted instead of the system's, as PEM. Empty for a public certificate.",
      required: false,
    },
  ];
}
