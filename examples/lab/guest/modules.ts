import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { TurntableError } from "../../../provider/errors.ts";
import { run } from "./run.ts";

/** A module of the guest's kernel, ready for `insmod`. */
export interface KernelModule {
  /** File name without compression suffix, for example "virtio_blk.ko". */
  readonly name: string;
  readonly content: Buffer;
}

/**
 * The modules a guest needs to have `wanted` working, each after those it depends on. What is built into the kernel
 * is left out.
 *
 * @param modulesDirectory "/lib/modules/<version>", with `modules.dep` and the like as depmod(8) writes them
 * @throws TurntableError `host.prerequisite-missing` if the kernel has one neither built in nor as a module
 */
export async function resolveModules(modulesDirectory: string, wanted: readonly string[]): Promise<KernelModule[]> {
  const index = await readModuleIndex(modulesDirectory);
  const order: string[] = [];
  const visit = (name: string): void => {
    if (index.builtin.has(name)) return;
    const file = index.files.get(name);
    if (file === undefined) throw missing(name, modulesDirectory);
    if (order.includes(file)) return;
    for (const soft of index.softDependencies.get(name) ?? []) {
      // A soft dependency is an alias as often as a name, and by definition one may go without.
      if (index.files.has(soft)) visit(soft);
    }
    // depmod lists dependencies nearest first; the last one stands on its own.
    for (const dependency of [...(index.dependencies.get(name) ?? [])].reverse()) visit(moduleName(dependency));
    if (!order.includes(file)) order.push(file);
  };
  wanted.map(canonical).forEach(visit);
  return Promise.all(order.map((file) => readModule(path.join(modulesDirectory, file))));
}

interface ModuleIndex {
  readonly builtin: ReadonlySet<string>;
  readonly files: ReadonlyMap<string, string>;
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  readonly softDependencies: ReadonlyMap<string, readonly string[]>;
}

async function readModuleIndex(directory: string): Promise<ModuleIndex> {
  const read = (name: string) => readFile(path.join(directory, name), "utf8");
  const [dep, builtin, softdep] = await Promise.all([
    read("modules.dep"),
    read("modules.builtin"),
    read("modules.softdep"),
  ]);
  const files = new Map<string, string>();
  const dependencies = new Map<string, string[]>();
  for (const line of lines(dep)) {
    const [file = "", rest = ""] = line.split(":");
    files.set(moduleName(file), file);
    dependencies.set(moduleName(file), words(rest));
  }
  const softDependencies = new Map<string, string[]>();
  for (const line of lines(softdep)) {
    const match = /^softdep (\S+) pre: (.*?)(?: post:.*)?$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) {
      softDependencies.set(canonical(match[1]), words(match[2]).map(canonical));
    }
  }
  return { builtin: new Set(lines(builtin).map(moduleName)), files, dependencies, softDependencies };
}

const gunzip = promisify(zlib.gunzip);

async function readModule(file: string): Promise<KernelModule> {
  const name = path.basename(file).replace(/\.(xz|zst|gz)$/, "");
  const suffix = path.extname(file);
  if (suffix === ".xz") return { name, content: await run("xz", ["-dc", file]) };
  if (suffix === ".zst") return { name, content: await run("zstd", ["-dcq", file]) };
  const content = await readFile(file);
  return { name, content: suffix === ".gz" ? await gunzip(content) : content };
}

function missing(name: string, directory: string): TurntableError {
  return new TurntableError("host.prerequisite-missing", `The guest's kernel has no ${name} (looked in ${directory})`, {
    retry: "never",
    next: "Install a distribution kernel with its modules, on Debian linux-image-cloud-amd64.",
  });
}

/** "kernel/drivers/net/virtio-net.ko.xz" → "virtio_net": the kernel takes - and _ for the same. */
function moduleName(file: string): string {
  return canonical(path.basename(file).replace(/\.ko(\.\w+)?$/, ""));
}

function canonical(name: string): string {
  return name.replaceAll("-", "_");
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
