/** Certificates for tests, made by openssl: an authority, a server, clients, a list of revoked. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Certified {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends AsyncDisposable {
  readonly folder: string;
  /** Its own certificate. */
  readonly ca: string;
  /** A certificate for a name, and its key; servers are 127.0.0.1 too. */
  certify(name: string): Promise<Certified>;
  /** Revokes certificates; the path of the list. */
  revoke(...certificates: readonly Certified[]): Promise<string>;
}

const config = `
[ca]
default_ca = authority
[authority]
database = index.txt
default_md = sha256
default_crl_days = 30
`;

export async function authority(name = "Test CA"): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), "rackstreet-ca-"));
  const ca = join(folder, "ca.pem");
  const caKey = join(folder, "ca-key.pem");
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const openssl = (args: readonly string[]) => run("openssl", args, { cwd: folder });
  const subject = (common: string) => ["-days", "30", "-subj", `/CN=${common}`];
  const self = ["-keyout", caKey, "-out", ca, ...subject(name)];
  await openssl(["req", "-x509", ...curve, ...self]);
  let serial = 0;
  return {
    folder,
    ca,
    async certify(common) {
      serial += 1;
      const [cert, key] = [`${common}.pem`, `${common}-key.pem`].map((file) => join(folder, file));
      if (cert === undefined || key === undefined) throw new Error("no paths");
      const signed = ["-CA", ca, "-CAkey", caKey, "-set_serial", `${serial}`];
      const written = ["-keyout", key, "-out", cert, ...subject(common)];
      const extensions = [
        "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "basicConstraints=critical,CA:FALSE",
      ].flatMap((extension) => ["-addext", extension]);
      await openssl(["req", "-x509", ...curve, ...signed, ...written, ...extensions]);
      return { cert, key };
    },
    async revoke(...certificates) {
      const list = join(folder, "revoked.pem");
      await writeFile(join(folder, "ca.cnf"), config);
      await writeFile(join(folder, "index.txt"), "");
      const keys = ["-config", "ca.cnf", "-cert", ca, "-keyfile", caKey];
      for (const { cert } of certificates) await openssl(["ca", ...keys, "-revoke", cert]);
      await openssl(["ca", ...keys, "-gencrl", "-out", list]);
      return list;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
