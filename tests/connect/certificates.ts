/** A certificate for a client, and the configuration of a server that asks for it. */

import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeCertificates } from "../../scripts/nats/tls.ts";
import { temporaryDirectory } from "../helpers.ts";

const run = promisify(execFile);

export interface ClientCertificate extends AsyncDisposable {
  /** The authority of the server. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** The `tls` block of the server. */
  readonly config: string;
}

/** Makes both. Its disposal removes the files, which the server needs until then. */
export async function makeClientCertificate(): Promise<ClientCertificate> {
  const server = await makeCertificates();
  const directory = await temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  writeFileSync(at("server.pem"), server.cert);
  writeFileSync(at("server.key"), server.key);
  writeFileSync(at("extensions"), "extendedKeyUsage = clientAuth\n");
  await run("openssl", [
    ...["req", "-x509", ...newKey, "-days", "2", "-subj", "/CN=Authority of clients"],
    ...["-keyout", at("ca.key"), "-out", at("ca.pem")],
  ]);
  await run("openssl", [
    ...["req", "-new", ...newKey, "-subj", "/CN=client"],
    ...["-keyout", at("client.key"), "-out", at("client.csr")],
  ]);
  await run("openssl", [
    ...["x509", "-req", "-days", "2", "-set_serial", "2", "-extfile", at("extensions")],
    ...["-in", at("client.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key")],
    ...["-out", at("client.pem")],
  ]);
  const files = ["cert_file: server.pem", "key_file: server.key", "ca_file: ca.pem"];
  const lines = files.map((line) => line.replace(/\S+$/, (name) => JSON.stringify(at(name))));
  return {
    ca: server.ca,
    cert: readFileSync(at("client.pem"), "utf8"),
    key: readFileSync(at("client.key"), "utf8"),
    config: `tls {\n${lines.join("\n")}\nverify: true\n}`,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
