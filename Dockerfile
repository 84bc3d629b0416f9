# syntax=docker/dockerfile:1
# One file for all services: docker build --build-arg SERVICE=order .
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

# Builds everything once; the six images share this stage.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY . .
# `prisma generate` needs no engine, only the path of a file that exists.
ENV PRISMA_SCHEMA_ENGINE_BINARY=/bin/true TURBO_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund \
  && npx turbo run build --concurrency=2 --filter='./services/*' --filter=@orderflow/local

# One service's run-time packages. Without peers and optional ones 148 MB instead of 457: Prisma's CLI is a peer of
# its client, which does not need it to run.
FROM ${NODE_IMAGE} AS packages
ARG SERVICE
RUN test -n "${SERVICE}"
WORKDIR /app
COPY --from=build /app/package.json /app/package-lock.json /app/.npmrc ./
COPY --from=build /app/packages packages
COPY --from=build /app/services services
COPY --from=build /app/infra/api/package.json infra/api/package.json
COPY --from=build /app/infra/cli/package.json infra/cli/package.json
COPY --from=build /app/infra/local/package.json infra/local/package.json
COPY --from=build /app/bench/package.json bench/package.json
COPY --from=build /app/chaos/package.json chaos/package.json
COPY --from=build /app/tests/package.json tests/package.json
RUN --mount=type=cache,target=/root/.npm \
  npm ci --omit=dev --omit=peer --omit=optional --ignore-scripts --no-audit --no-fund --workspace "services/${SERVICE}" \
  && find packages services -name src -prune -exec rm -rf {} + \
  && find services -mindepth 1 -maxdepth 1 ! -name "${SERVICE}" -exec rm -rf {} +

# Creates the topics of the catalog, then ends.
FROM packages AS topics
COPY --from=build /app/infra/local/dist infra/local/dist
COPY infra/compose/create-topics.mjs infra/compose/
USER node
CMD ["node", "infra/compose/create-topics.mjs"]

FROM ${NODE_IMAGE} AS service
ARG SERVICE
ENV NODE_ENV=production HOST=0.0.0.0
COPY --from=packages /app /app
COPY infra/compose/ready.mjs /app/infra/compose/
# A volume mounted here takes over the owner: the gateway of a trial keeps its signing key in it.
RUN install -d -o node -g node -m 0700 /keys
# Migrations are looked for beside the service.
WORKDIR /app/services/${SERVICE}
USER node
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=6 CMD ["node", "/app/infra/compose/ready.mjs"]
CMD ["node", "--enable-source-maps", "--max-old-space-size=256", "--initial-old-space-size=128", "--min-semi-space-size=32", "--max-semi-space-size=32", "--single-threaded-gc", "dist/main.js"]
