// Tests that compose.yaml is well formed, has pinned images, loopback ports and no password, and refers only to
// existing files. No container is started.
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

interface Service {
  image: string;
  ports: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  volumes?: string[];
}

it('compose.yaml is valid and exposes nothing to the network', () => {
  const { services, volumes, ...rest } = parse(readFileSync('compose.yaml', 'utf8')) as {
    services: Record<string, Service>;
    volumes: Record<string, null>;
  };
  expect(rest).toEqual({});
  expect(Object.keys(services).sort()).toEqual([
    'grafana',
    'kafka',
    'pgbouncer',
    'postgres',
    'prometheus',
    'schema-registry',
  ]);
  for (const [name, service] of Object.entries(services)) {
    expect(
      Object.keys(service).filter(
        (key) =>
          ![
            'image',
            'profiles',
            'ports',
            'environment',
            'depends_on',
            'extra_hosts',
            'healthcheck',
            'volumes',
          ].includes(key),
      ),
      name,
    ).toEqual([]);
    expect(service.image, name).toMatch(/^[a-z0-9/-]+:v?\d[\w.-]*$/);
    for (const port of service.ports) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    for (const [variable, value] of Object.entries(service.environment ?? {}))
      if (/PASSWORD/.test(variable)) expect(value, variable).toMatch(/^\$\{\w+:(?:\?|-\})/);
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {}))
      expect([condition, services[other]?.healthcheck?.test.length], other).toEqual(['service_healthy', 2]);
    for (const volume of service.volumes ?? []) {
      const [from = ''] = volume.split(':');
      if (from.startsWith('./')) expect(existsSync(from), from).toBe(true);
      else expect(Object.keys(volumes)).toContain(from);
    }
  }
});
