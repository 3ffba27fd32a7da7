// Holds compose.yaml and those of the examples against what they stand beside: versions that the tests run, files that
// are mounted, ports of the connections, variables that their page exports. No container is started.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const versionIn = (path: string, name: string): string | undefined =>
  new RegExp(`const ${name} = '([^']+)'`).exec(read(path))?.[1];

/** The version of an image as the tests run the same program. */
const TESTED: Readonly<Record<string, string | undefined>> = {
  'apache/kafka': versionIn('tests/engine/kafka/kafka-broker.ts', 'VERSION'),
  'versity/versitygw': versionIn('scripts/versitygw.mjs', 'VERSION'),
  'apache/iceberg-rest-fixture': versionIn('tests/engine/kafka/iceberg-catalog.ts', 'ICEBERG'),
  'quay.io/debezium/connect': versionIn('tests/engine/kafka/kafka-connect.ts', 'DEBEZIUM'),
};
/** Images that check themselves. */
const OWN_CHECKS = ['apache/iceberg-rest-fixture'];

interface Service {
  readonly image: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: unknown;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

describe.each([
  ['compose.yaml', 'docs/loader.md'],
  ['compose.yaml', 'docs/monitoring.md'],
  ['examples/lake/compose.yaml', 'docs/lake-example.md'],
  ['examples/clickstream/compose.yaml', 'docs/clickstream-example.md'],
  ['examples/cdc/compose.yaml', 'docs/cdc-example.md'],
])('%s', (path, page) => {
  const text = read(path);
  const { services, volumes = {} } = parse(text) as {
    services: Readonly<Record<string, Service>>;
    volumes?: object;
  };
  const all = Object.entries(services);

  it('has pinned images of the versions that the tests use', () => {
    for (const [name, { image }] of all) {
      const [program = '', tag] = image.split(/:(?=[^:/]*$)/);
      expect(tag, name).toMatch(/\d/);
      if (program in TESTED) expect(tag, name).toBe(TESTED[program]);
    }
  });

  it('mounts existing files', () => {
    for (const [name, service] of all)
      for (const volume of service.volumes ?? []) {
        const [source = ''] = volume.split(':');
        const there = source.startsWith('.') ? existsSync(join(root, dirname(path), source)) : source in volumes;
        expect([name, source, there]).toEqual([name, source, true]);
      }
  });

  it('waits for servers with a health check', () => {
    const checked = (name: string): boolean => {
      const service = services[name];
      return service?.healthcheck !== undefined || OWN_CHECKS.some((image) => service?.image.startsWith(image));
    };
    for (const [name, { depends_on: others = {} }] of all)
      for (const [other, { condition }] of Object.entries(others))
        expect([name, other, condition, checked(other)]).toEqual([name, other, 'service_healthy', true]);
    // `up --wait` is followed by commands at once.
    if (path !== 'compose.yaml') expect(all.filter(([name]) => !checked(name))).toEqual([]);
  });

  it('listens only on the loopback address, on each port once', () => {
    const ports = all.flatMap(([, service]) => service.ports ?? []);
    expect(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
    const own = ports.map((port) => port.split(':')[1]);
    expect(new Set(own).size).toBe(own.length);
  });

  it('needs only variables that its page exports before it starts a service', () => {
    const needed = new Set([...text.matchAll(/\$\{(\w+)(?!\w*:-)/g)].map(([, name]) => name));
    expect(needed.size).toBeGreaterThan(0);
    const [before = ''] = read(page).split('docker compose ');
    for (const name of needed) expect(before, name).toMatch(new RegExp(`^export .*\\b${name}=`, 'm'));
  });

  it.skipIf(path === 'compose.yaml')('listens on the ports in connections.yml', () => {
    const ports = new Set(all.flatMap(([, service]) => service.ports ?? []).map((port) => port.split(':')[1]));
    const connections = read(join(dirname(path), 'connections.yml'));
    const asked = [...connections.matchAll(/127\.0\.0\.1:(\d+)|_PORT', '(\d+)'/g)].map(([, a, b]) => a ?? b);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((port) => !ports.has(port))).toEqual([]);
  });
});
