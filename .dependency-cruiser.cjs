/**
 * The dependency rule: index → resources → controller → ports ← adapters.
 * Each rule's comment says what it keeps apart; test/setup/dependency-rule.test.ts shows that each one bites.
 */
const path = require("node:path");

/** What is said to a port, and its plain data: anyone may know it. */
const PORTS =
  "^provider/(aaa/(aaa|covers|domain-record|token|wire)|host/(host|host-key|pulse|record|segment)|hypervisor/(hypervisor|vm-spec|downtime)|lightpath/(lightpath|attachment|drac/wire|(nsi|oscars|fixed)/record)|tunnel/tunnel)\\.ts$";
/** Where all of that is; what is in there and no port is an adapter. */
const PORTS_AND_ADAPTERS = "^provider/(aaa|host|hypervisor|lightpath|tunnel)/";
/** The door, and the composition root that chooses the adapters. */
const ROOT = "^provider/(index|main|door|composition|credentials|host-pool)\\.ts$";
const SCHEMAS =
  "^provider/(aaa/(wire|domain-record)|host/(record|host-key)|hypervisor/vm-spec|tunnel/tunnel|lightpath/(drac/wire|(nsi|oscars|fixed)/record)|controller/placement)\\.ts$";

/** A stage of the move and the ports of the others, which only the spine brings together. */
const STAGES = {
  hold: "aaa/aaa|lightpath/lightpath|tunnel/tunnel",
  authorize: "hypervisor/hypervisor|lightpath/lightpath|tunnel/tunnel",
  light: "aaa/aaa|hypervisor/hypervisor|tunnel/tunnel",
  migrate: "aaa/aaa|lightpath/lightpath|tunnel/tunnel",
  steer: "aaa/aaa|hypervisor/hypervisor|lightpath/lightpath",
  release: "aaa/aaa|tunnel/tunnel",
};

const rule = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    rule("no-cycles", "What needs each other belongs together.", {}, { circular: true }),
    rule(
      "errors-stand-alone",
      "Everything imports errors.ts, so it imports nothing of ours.",
      { path: "^provider/errors\\.ts$" },
      { path: "^(provider|sdk|examples)/" },
    ),
    rule(
      "pulumi-at-the-edge",
      "A second door, without Pulumi, must be able to use the rest.",
      { path: "^provider/", pathNot: "^provider/index\\.ts$" },
      { path: "(^|node_modules/)@pulumi/" },
    ),
    rule(
      "one-door",
      "Only the root knows the root: nothing inside can choose an adapter.",
      { path: "^provider/", pathNot: ROOT },
      { path: ROOT },
    ),
    rule(
      "resources-above-controller",
      "Only the door calls resources.",
      { path: "^provider/", pathNot: `${ROOT}|^provider/resources/` },
      { path: "^provider/resources/" },
    ),
    rule(
      "controller-above-ports",
      "Ports and adapters do what the controller asks and know nothing of it.",
      { path: PORTS_AND_ADAPTERS },
      { path: "^provider/(controller/|context\\.ts$)" },
    ),
    rule(
      "adapters-behind-ports",
      "Resources and controller speak to ports; the composition root chooses the adapters.",
      { path: "^provider/(resources|controller)/|^provider/(context|resource)\\.ts$" },
      { path: PORTS_AND_ADAPTERS, pathNot: PORTS },
    ),
    rule(
      "ports-without-adapters",
      "A port is the same whichever adapter is behind it.",
      { path: PORTS },
      { path: PORTS_AND_ADAPTERS, pathNot: PORTS },
    ),
    rule(
      "adapters-apart",
      "An adapter of one port does not know an adapter of another; each can be replaced alone.",
      { path: "^provider/(host|hypervisor|lightpath|tunnel)/", pathNot: PORTS },
      { path: "^provider/(host|hypervisor|lightpath|tunnel)/", pathNot: [PORTS, "^provider/$1/"] },
    ),
    rule(
      "asks-as-any-caller",
      "To ask a domain, an adapter has the pinned channel and the proof of who calls, but no AAA adapter.",
      { path: "^provider/(host|hypervisor|lightpath|tunnel)/" },
      { path: "^provider/aaa/", pathNot: [PORTS, "^provider/aaa/(channel|caller|outcome)\\.ts$"] },
    ),
    rule(
      "technologies-apart",
      "Two adapters of one port do not know each other.",
      { path: "^provider/(hypervisor|lightpath)/([^/]+)/" },
      { path: "^provider/$1/[^/]+/", pathNot: [PORTS, "^provider/$1/$2/"] },
    ),
    rule(
      "tunnels-apart",
      "Two adapters of one port do not know each other.",
      { path: "^provider/tunnel/(vxlan|wireguard)\\.ts$" },
      { path: "^provider/tunnel/(vxlan|wireguard)\\.ts$", pathNot: "^provider/tunnel/$1\\.ts$" },
    ),
    rule(
      "authorization-alone",
      "Tokens and proofs are the same to controller, adapters and domains: they know none of them.",
      { path: "^provider/aaa/" },
      { path: "^provider/", pathNot: "^provider/(aaa/|(errors|correlation)\\.ts$)" },
    ),
    rule(
      "spine-sees-all",
      "The context has every port: the stages get what is theirs from the spine.",
      { path: `^provider/controller/(${Object.keys(STAGES).join("|")}|journal|placement|course|faults)\\.ts$` },
      { path: "^provider/context\\.ts$" },
    ),
    ...Object.entries(STAGES).map(([stage, others]) =>
      rule(
        `${stage}-sees-its-port`,
        "Only relocate.ts brings all ports together.",
        { path: `^provider/controller/${stage}\\.ts$` },
        { path: `^provider/(${others})\\.ts$` },
      ),
    ),
    rule(
      "domains-share-the-wire",
      "A domain's agent is another party: it shares wire types, token formats, NSI's messages and the pinned channels that carry them.",
      { path: "^provider/domain/" },
      {
        path: "^provider/",
        pathNot: [
          "^provider/(domain/|errors\\.ts$|correlation\\.ts$|lightpath/drac/wire\\.ts$|lightpath/nsi/wire/)",
          "^provider/aaa/(wire|oauth|domain-record|assertion|channel|token|proof|credential|keys|covers)\\.ts$",
        ],
      },
    ),
    rule(
      "stores-behind-ports",
      "A shared database can take SQLite's place: only who puts path control together chooses what keeps its reservations.",
      { path: "^provider/domain/", pathNot: "^provider/domain/drac/(half\\.ts$|sqlite/)" },
      { path: "^provider/domain/drac/sqlite/" },
    ),
    rule(
      "domains-apart",
      "The controller reaches a domain over the wire.",
      { path: "^(provider|sdk)/", pathNot: "^provider/(domain/|main\\.ts$)" },
      { path: "^provider/domain/" },
    ),
    rule(
      "sdk-is-thin",
      "What a user's program loads is types, schemas and shells.",
      { path: "^sdk/" },
      { path: "^provider/", pathNot: SCHEMAS, dependencyTypesNot: ["type-only"] },
    ),
    rule(
      "provider-below-sdk",
      "The provider can be used without the SDK.",
      { path: "^provider/" },
      { path: "^(sdk|examples|test)/" },
    ),
    rule("sdk-without-examples", "Examples use the product.", { path: "^sdk/" }, { path: "^(examples|test)/" }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: path.join(__dirname, "tsconfig.json") },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default"] },
  },
};
