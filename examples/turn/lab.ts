import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { type Inventory, inventory } from "../lab/inventory.ts";

/** What the lab wrote about itself, in the file named by TURNTABLE_LAB. */
export function readLab(): Inventory {
  const file = process.env.TURNTABLE_LAB;
  if (file === undefined) {
    throw new pulumi.RunError('TURNTABLE_LAB is not set. Run `npm run lab -- up`, then `eval "$(npm run -s env)"`.');
  }
  try {
    return inventory.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new pulumi.RunError(`${file} does not describe a lab: ${reason}. Run \`npm run lab -- up\`.`);
  }
}

/** One of the lab's two sites. */
export function siteNamed(name: string): "ams" | "san" {
  if (name === "ams" || name === "san") return name;
  throw new pulumi.RunError(`The lab has no site "${name}". Run \`pulumi config set site ams\` (or san).`);
}

/** Whether the VM runs while its memory is copied, or is suspended for it. */
export function modeNamed(name: string): "live" | "suspended" {
  if (name === "live" || name === "suspended") return name;
  throw new pulumi.RunError(`There is no mode "${name}". Run \`pulumi config set mode live\` (or suspended).`);
}

/** Whether what a move sends is encrypted. */
export function encryptionNamed(name: string): "tls" | "none" {
  if (name === "tls" || name === "none") return name;
  throw new pulumi.RunError(`There is no encryption "${name}". Run \`pulumi config set encryption tls\` (or none).`);
}
