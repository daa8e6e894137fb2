/** Certificates for one run, made by the openssl command. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, which } from "./run.ts";

/** All three in PEM. */
export interface Certificates {
  /** The authority a client has to trust. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const EXTENSIONS = `basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
`;

/**
 * Makes an authority and a server certificate for `localhost` and `127.0.0.1`. There are two
 * because a certificate that signs itself is refused by Deno, however much it is trusted.
 */
export async function makeCertificates(): Promise<Certificates> {
  const openssl = which("openssl");
  if (openssl === undefined) {
    throw new Error("Cannot make certificates: the openssl command is not installed");
  }
  const directory = mkdtempSync(join(tmpdir(), "naq-events-tls-"));
  const at = (name: string): string => join(directory, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    writeFileSync(at("extensions"), EXTENSIONS);
    await run(openssl, [
      ...["req", "-x509", ...newKey, "-days", "2", "-subj", "/CN=NAQ events test authority"],
      ...["-keyout", at("ca.key"), "-out", at("ca.pem")],
    ]);
    await run(openssl, [
      ...["req", "-new", ...newKey, "-subj", "/CN=localhost"],
      ...["-keyout", at("server.key"), "-out", at("server.csr")],
    ]);
    await run(openssl, [
      ...["x509", "-req", "-days", "2", "-set_serial", "2", "-extfile", at("extensions")],
      ...["-in", at("server.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key")],
      ...["-out", at("server.pem")],
    ]);
    return {
      ca: readFileSync(at("ca.pem"), "utf8"),
      cert: readFileSync(at("server.pem"), "utf8"),
      key: readFileSync(at("server.key"), "utf8"),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
