# Latchkey without its embedded database: DATABASE_URL and the master key come from outside. Every base is named by a tag; pin
# them by digest where you build. README, "Containers", says how to run it; `node scripts/image.mjs` performs these steps
# without a container engine and reads its commands from this file.

# ---- build: dependencies without install scripts, pages, server and the commands run inside a container
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
ENV NEXT_TELEMETRY_DISABLED=1
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --ignore-scripts
COPY . .
RUN node scripts/build.mjs --commands && rm -rf .next/cache .next/types .next/diagnostics && find .next/server -name '*.map' -delete

# ---- runtime: production dependencies, less what only builds or belongs to the embedded database
FROM node:20.20.2-bookworm-slim AS runtime
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY scripts/lib/prune-image.mjs ./
RUN node prune-image.mjs node_modules

# ---- final: Node's binary, and nothing else that could be run: no shell, no package manager
FROM gcr.io/distroless/cc-debian12:nonroot
WORKDIR /app
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 LATCHKEY_HOST=0.0.0.0 LATCHKEY_DATA_DIR=/tmp/latchkey
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=runtime /app/node_modules ./node_modules
COPY --from=build /app/package.json /app/next.config.mjs ./
COPY --from=build /app/dist ./dist
COPY --from=build /app/.next ./.next
COPY --from=build /app/public ./public
COPY --from=build /app/drizzle ./drizzle
COPY --from=build /app/scripts/image ./
# Root owns every file and this user writes none of them: the root file system may be read-only, with no volume at all.
USER 65532:65532
EXPOSE 3000
# It lives. Whether it is ready (`/readyz`) is for whoever sends it requests.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/node", "healthcheck.mjs"]
# The server itself is process 1: SIGTERM reaches it, and it needs up to 30 s.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/node"]
CMD ["dist/server.mjs"]
