// Confluent's client for the schema registry, installed once on demand.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Serializer = new (
  client: object,
  type: number,
  config: object,
) => { serialize(topic: string, value: unknown): Promise<Buffer> };

const CONFLUENT = '1.10.1';

/**
 * Confluent's client, 170 MB with what it needs for every cloud: kept beside Kafka's jars, not among the dependencies.
 */
export function confluentClient(): {
  SchemaRegistryClient: new (config: object) => { register(subject: string, schema: object): Promise<number> };
  JsonSerializer: Serializer;
  AvroSerializer: Serializer;
} {
  const folder = join(homedir(), '.cache', `tsdbt-confluent-${CONFLUENT}`);
  if (!existsSync(join(folder, 'ready'))) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"name": "confluent", "version": "1.0.0"}');
    execFileSync(
      'npm',
      ['install', '--no-audit', '--no-fund', '--ignore-scripts', `@confluentinc/schemaregistry@${CONFLUENT}`],
      { cwd: folder, stdio: 'ignore' },
    );
    writeFileSync(join(folder, 'ready'), '');
  }
  return createRequire(join(folder, 'package.json'))('@confluentinc/schemaregistry') as ReturnType<
    typeof confluentClient
  >;
}
