// Certificates for tests, made by openssl: an authority, a server's, a client's, one that has expired, and an authority
// that nobody knows.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class Certificates {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    writeFileSync(
      this.path('ca.conf'),
      `[ca]
default_ca = d
[d]
database = ${this.path('index.txt')}
serial = ${this.path('serial')}
new_certs_dir = ${folder}
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
`,
    );
    writeFileSync(this.path('index.txt'), '');
    writeFileSync(this.path('serial'), '1000');
    for (const authority of ['ca', 'stranger']) {
      this.key(authority);
      this.openssl(
        'req',
        '-x509',
        '-new',
        '-key',
        this.path(`${authority}.key`),
        '-subj',
        `/CN=${authority}`,
        '-days',
        '30',
        '-out',
        this.path(`${authority}.pem`),
      );
    }
    this.issue('server', 'IP:127.0.0.1,DNS:broker.test');
    this.issue('expired', 'IP:127.0.0.1', '20200101000000Z');
    this.issue('client', 'DNS:client');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  private key(name: string): void {
    this.openssl(
      'genpkey',
      '-algorithm',
      'EC',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-out',
      this.path(`${name}.key`),
    );
  }

  private issue(name: string, names: string, until = '20491231000000Z'): void {
    this.key(name);
    this.openssl(
      'req',
      '-new',
      '-key',
      this.path(`${name}.key`),
      '-subj',
      `/CN=${name}`,
      '-out',
      this.path(`${name}.csr`),
    );
    writeFileSync(this.path(`${name}.ext`), `subjectAltName = ${names}\n`);
    this.openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      this.path('ca.conf'),
      '-in',
      this.path(`${name}.csr`),
      '-out',
      this.path(`${name}.crt`),
      '-cert',
      this.path('ca.pem'),
      '-keyfile',
      this.path('ca.key'),
      '-startdate',
      '20190101000000Z',
      '-enddate',
      until,
      '-extfile',
      this.path(`${name}.ext`),
    );
    // One file with key and chain, as Kafka wants it.
    writeFileSync(this.path(`${name}.pem`), this.read(`${name}.key`) + this.read(`${name}.crt`) + this.read('ca.pem'));
  }

  private openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' });
  }
}
