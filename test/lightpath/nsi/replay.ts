import { createServer } from "node:https";
import { connect } from "node:tls";
import { type Envelope, readEnvelope, writeEnvelope } from "../../../provider/lightpath/nsi/wire/envelope.ts";
import type { Badge } from "./far-side.ts";
import { type Recording, recordingsOf, type Server } from "./recordings.ts";

/** A server that says again what was recorded of it, to whoever asks in the recorded order. */
export interface Replay {
  readonly url: string;
  /** Operations that it was asked for, in their order. */
  readonly asked: readonly string[];
  /** With which starts reservations were asked for. */
  readonly starts: readonly (string | undefined)[];
  close(): Promise<void>;
}

export interface ReplayParts {
  readonly server: Server;
  /** The number of the recording with which it begins: "45". */
  readonly from: string;
  readonly badge: Badge;
  readonly callback: { readonly port: number };
  /** Whether it calls back before it acknowledges, as some do now and then. */
  readonly hasty: boolean;
}

const operationOf = ({ name }: Recording): string => name.replace(/^\d+-(cb-)?/, "").replace(/-\w+$/, "");
const textIn = (element: string, body: string): string | undefined =>
  new RegExp(`<${element}>([^<]*)</${element}>`).exec(body)?.[1];

const faultOf = (reason: string): string => {
  const content = { faultcode: "soap:Server", faultstring: reason };
  return writeEnvelope({ header: undefined, message: { operation: "soap:Fault", content } });
};

/** What OpenNSA does not take, though no recording has it: seen when it was driven by hand. Undefined: it takes this. */
function aversion({ header, message }: Envelope): "never answered" | { readonly fault: string } | undefined {
  switch (message.operation) {
    case "types:querySummarySync": {
      const without = "Cannot perform querySummary request without a replyTo field in the header";
      if (header?.replyTo === undefined) return { fault: without };
      return message.content.globalReservationId === undefined ? undefined : "never answered";
    }
    case "types:reserve": {
      const { startTime } = message.content.criteria.schedule ?? {};
      if (startTime === undefined || Date.parse(startTime) >= Date.now()) return undefined;
      return { fault: `Invalid request: Start time in the past (Startime: ${startTime})` };
    }
    default:
      return undefined;
  }
}

/** Answers are recorded bytes, but for the request's own id; callbacks come over sockets of their own, as HTTP was spoken then. */
export async function replay({ server, from, badge, callback, hasty }: ReplayParts): Promise<Replay> {
  const all = recordingsOf(server);
  let cursor = all.findIndex(({ name }) => name.startsWith(`${from}-`));
  const asked: string[] = [];
  const starts: (string | undefined)[] = [];
  const told = { connectionId: "", provision: "Released", lifecycle: "Created", active: "false" };
  /** What was agreed, which the recorded answer to a query may not be about. */
  const agreed = new Map<string, string>();

  /** What was recorded in answer to the next request of that kind. */
  function next(operation: string) {
    const at = all.findIndex(
      ({ name }, index) => index >= cursor && name.endsWith(`-${operation}-request`) && !name.includes("cb-"),
    );
    const request = all[at];
    if (request === undefined) throw new Error(`${server} was not asked to ${operation} after ${from}`);
    const after = all.findIndex(({ name }, index) => index > at && name.endsWith("-request") && !name.includes("cb-"));
    const between = all.slice(at + 1, after < 0 ? all.length : after);
    cursor = at + 1;
    return { request, between };
  }

  /** Who asks now would be told what was told since: the recorded answer was to a question at another time. */
  function summary(wanted: string | undefined): string {
    const one = all.find(({ name }) => name.endsWith("-querySummarySync-response"));
    // Nothing was asked so of the aggregator: it is the same program.
    const body = one?.body ?? recordingsOf("opennsa").find(({ name }) => name.startsWith("10-"))?.body ?? "";
    if (told.connectionId === "" || (wanted !== undefined && wanted !== told.connectionId)) {
      return body.replace(/<reservation>[\s\S]*<\/reservation>/, "");
    }
    const ours = [...agreed].reduce(
      (text, [element, value]) => text.replace(new RegExp(`<${element}>[^<]*`), `<${element}>${value}`),
      body,
    );
    return ours
      .replace(/<connectionId>[^<]*/, `<connectionId>${told.connectionId}`)
      .replace(/<provisionState>\w+/, `<provisionState>${told.provision}`)
      .replace(/<lifecycleState>\w+/, `<lifecycleState>${told.lifecycle}`)
      .replace(/<active>\w+/, `<active>${told.active}`);
  }

  function note(operation: string, body: string): void {
    const id = textIn("connectionId", body);
    if (operation === "reserve" && id !== undefined) told.connectionId = id;
    if (operation === "reserveConfirmed") {
      for (const element of ["capacity", "sourceSTP", "destSTP"]) agreed.set(element, textIn(element, body) ?? "");
    }
    if (operation === "provisionConfirmed") told.provision = "Provisioned";
    if (operation === "releaseConfirmed") told.provision = "Released";
    if (operation === "terminateConfirmed") told.lifecycle = "Terminated";
    if (operation === "dataPlaneStateChange") told.active = textIn("active", body) ?? "false";
    // OSCARS never notified: its data plane follows.
    if (server === "oscars-1.0.43-nsi" && /^(provision|release)Confirmed/.test(operation)) {
      told.active = String(operation === "provisionConfirmed");
    }
  }

  async function callBack({ head, body, ...rest }: Recording, was: string, is: string): Promise<void> {
    const content = body.replaceAll(was, is);
    const lines = head
      .trimEnd()
      .split(/\r?\n/)
      .filter((line) => !/^content-length:/i.test(line));
    lines.push(`Content-Length: ${Buffer.byteLength(content)}`);
    await new Promise<void>((resolve, reject) => {
      const { cert, key } = badge;
      const socket = connect({ port: callback.port, host: "127.0.0.1", cert, key, rejectUnauthorized: false });
      let answer = "";
      socket.on("data", (data) => {
        answer += data.toString();
        if (!/<\/soap:Envelope>/.test(answer)) return;
        socket.destroy();
        if (/^HTTP\/1\.1 200 /.test(answer)) resolve();
        else reject(new Error(`a callback was refused: ${answer}`));
      });
      socket.on("error", reject);
      socket.write(`${lines.join("\r\n")}\r\n\r\n${content}`);
    });
    note(operationOf({ head, body, ...rest }), content);
  }

  const https = createServer({ cert: badge.cert, key: badge.key, requestCert: true, rejectUnauthorized: false });
  const failures: unknown[] = [];
  https.on("request", (request, response) => {
    let text = "";
    request.on("data", (data) => {
      text += data;
    });
    request.on("end", () => {
      const envelope = readEnvelope(text);
      const operation = envelope.message.operation.replace("types:", "");
      asked.push(operation);
      if (envelope.message.operation === "types:reserve")
        starts.push(envelope.message.content.criteria.schedule?.startTime);
      const send = (status: number, body: string) =>
        response.writeHead(status, { "content-type": "text/xml" }).end(body);
      const averse = server.startsWith("opennsa") ? aversion(envelope) : undefined;
      if (averse === "never answered") return;
      if (averse !== undefined) return send(500, faultOf(averse.fault));
      if (operation === "querySummarySync") return send(200, summary(textIn("connectionId", text)));
      const { request: recorded, between } = next(operation);
      const [was, is] = [textIn("correlationId", recorded.body) ?? "", textIn("correlationId", text) ?? ""];
      const answer = between.find(({ name }) => name.endsWith(`-${operation}-response`));
      const body = answer?.body.replaceAll(was, is) ?? "";
      if (operation === "reserve" && answer?.status === 200) note(operation, body);
      const callBacks = async () => {
        for (const one of between.filter(({ name }) => /-cb-.*-request$/.test(name))) await callBack(one, was, is);
      };
      const acknowledge = () => send(answer?.status ?? 500, body);
      const all = hasty ? callBacks().then(acknowledge) : callBacks();
      if (!hasty) acknowledge();
      all.catch((thrown) => failures.push(thrown));
    });
  });
  await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
  const address = https.address();
  return {
    url: `https://127.0.0.1:${typeof address === "object" ? address?.port : 0}/nsi`,
    ...{ asked, starts },
    close: async () => {
      https.closeAllConnections();
      await new Promise((resolve) => https.close(resolve));
      if (failures.length > 0) throw failures[0];
    },
  };
}
