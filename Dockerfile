# An image with the program: `docker build -t tsdbt .`. docs/production.md says how to put a project into it.
FROM node:22-slim AS build
WORKDIR /build
COPY . .
RUN npm ci --no-audit --no-fund && npm pack --silent

FROM node:22-slim
WORKDIR /project
COPY --from=build /build/tsdbt-*.tgz /tmp/
RUN npm install --global --omit=optional --no-audit --no-fund /tmp/tsdbt-*.tgz && rm /tmp/tsdbt-*.tgz && \
    chown node /project
USER node
ENTRYPOINT ["tsdbt"]
CMD ["serve", "--host", "0.0.0.0"]
