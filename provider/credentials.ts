import { readFileSync } from "node:fs";
import { reasonOf, TurntableError } from "./errors.ts";
import type { Credentials } from "./resource.ts";

/** Reads a key of the stack's configuration, or of the environment where the stack says nothing. */
export type Setting = (key: string) => string | undefined;

function textOf(file: string, key: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw new TurntableError(
      "credentials.missing",
      `The file of turntable:${key} cannot be read: ${reasonOf(thrown)}`,
      {
        retry: "never",
        next: `Correct it with \`pulumi config set turntable:${key} <absolute path>\`.`,
        cause: thrown,
      },
    );
  }
}

/** A key given as itself, else in a file, else undefined. */
function keyFrom(setting: Setting, key: string, fileKey: string): string | undefined {
  const file = setting(fileKey);
  return setting(key) ?? (file === undefined ? undefined : textOf(file, fileKey));
}

/**
 * Keys as the stack's configuration has them: `turntable:sshPrivateKey` or `sshKeyFile` (neither: the ssh agent), and
 * `callerId` with `callerKey` or `callerKeyFile`, `nsiCertificate` and `nsiKey`, and `oscarsToken`, or files of them. Each is read when first used: what a program does not need need not be
 * there. Throws credentials.missing for a file that cannot be read.
 */
export function credentialsFrom(setting: Setting): Credentials {
  return {
    get sshPrivateKey() {
      return keyFrom(setting, "sshPrivateKey", "sshKeyFile");
    },
    get nsi() {
      const cert = keyFrom(setting, "nsiCertificate", "nsiCertificateFile");
      const key = keyFrom(setting, "nsiKey", "nsiKeyFile");
      return cert === undefined || key === undefined ? undefined : { cert, key };
    },
    get oscarsToken() {
      return keyFrom(setting, "oscarsToken", "oscarsTokenFile")?.trim();
    },
    get caller() {
      const id = setting("callerId");
      const key = id === undefined ? undefined : keyFrom(setting, "callerKey", "callerKeyFile");
      return id === undefined || key === undefined ? undefined : { id, key };
    },
  };
}

/** Who calls domains. Throws credentials.missing if the configuration does not say. */
export function callerOf(credentials: Credentials): { readonly id: string; readonly key: string } {
  if (credentials.caller !== undefined) return credentials.caller;
  throw new TurntableError("credentials.missing", "There is nothing to prove to network domains who calls", {
    retry: "never",
    next: "Run `pulumi config set turntable:callerId <id>` and `pulumi config set turntable:callerKeyFile <absolute path>`.",
  });
}

/** What providers of NSI's Connection Service are shown. Throws credentials.missing if the configuration does not say. */
export function nsiIdentityOf(credentials: Credentials): { readonly cert: string; readonly key: string } {
  if (credentials.nsi !== undefined) return credentials.nsi;
  throw new TurntableError("credentials.missing", "There is no certificate to show to a provider of NSI's service", {
    retry: "never",
    next: "Run `pulumi config set turntable:nsiCertificateFile <absolute path>` and the same for `turntable:nsiKeyFile`.",
  });
}

/** What an OSCARS is shown. Throws credentials.missing if the configuration does not say. */
export function oscarsTokenOf({ oscarsToken }: Credentials): string {
  if (oscarsToken !== undefined && oscarsToken !== "") return oscarsToken;
  throw new TurntableError("credentials.missing", "There is no token to show to an OSCARS", {
    retry: "never",
    next: "Run `pulumi config set turntable:oscarsTokenFile <absolute path>`, or `pulumi config set --secret turntable:oscarsToken`.",
  });
}
