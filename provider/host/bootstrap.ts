/**
 * Python that reads "<byte count>\n" and that many bytes of program from standard input, and becomes that program.
 * It reads not one byte too many, so that the program may use descriptor 0 as it likes, select included.
 * The search path is widened because a non-login shell often lacks the folders of `ip`, `bridge` and `nft`.
 */
const BOOTSTRAP = `
import io, os
stdin = io.FileIO(0, closefd=False)
missing = int(stdin.readline())
source = b""
while missing > len(source):
    part = stdin.read(missing - len(source))
    if not part:
        os._exit(0)
    source += part
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
os.environ["LC_ALL"] = "C.UTF-8"
del stdin, missing, part
exec(compile(source, "turntable", "exec"))
`;

/** The arguments of the interpreter: isolated, no site packages, UTF-8 whatever the host's locale. */
export const BOOTSTRAP_ARGV: readonly string[] = ["python3", "-I", "-S", "-X", "utf8", "-c", BOOTSTRAP];

/**
 * Where the system's own Python is looked for first: what a user's profile puts before it (pyenv's shims, a virtual
 * environment) starts several times slower, and every step of a move starts one.
 */
export const SYSTEM_PROGRAMS = "/usr/bin";

/** The same as one line for a remote shell, of whichever family. Constant: no value is ever pasted into it. */
export const BOOTSTRAP_COMMAND = `exec env "PATH=${SYSTEM_PROGRAMS}:$PATH" python3 -I -S -X utf8 -c '${BOOTSTRAP}'`;

/** What to write to the bootstrap so that it runs `source`, whose first line of input is `parameters`. */
export function programInput(source: string, parameters: object): string {
  return `${Buffer.byteLength(source)}\n${source}${JSON.stringify(parameters)}\n`;
}
