/** The beam of the radar and the point on the sine, at one moment: by themselves, or by hand. */
const section = document.querySelector("[data-sweep]");
const SLOW = 8;
const STEP_SHARE = 1 / 50;

function sweep(section) {
  const { fromMs, toMs, awayMs, periodMs, turnMs } = Object.fromEntries(
    Object.entries(section.dataset).map(([name, value]) => [name, Number(value)]),
  );
  const find = (name) => section.querySelector(`[data-${name}]`);
  const [play, slow, slider, readout] = ["play", "slow", "moment", "readout"].map(find);
  const [beam, glow] = ["beam", "glow"].map(find);
  const points = [...section.querySelectorAll("#sine svg")].map(pointOn);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let atMs = fromMs;
  let playing = false;
  let lastFrame;

  const turns = () => (atMs - awayMs / 2) / periodMs;
  const away = () => atMs >= 0 && atMs < awayMs;

  function show() {
    const running = away() ? 0 : 1;
    for (const part of [beam, glow]) {
      part.setAttribute("transform", `rotate(${turns() * 360} 150 150)`);
      part.setAttribute("opacity", part === glow && !playing ? 0 : running);
    }
    for (const { circle, xOf, yOf } of points) {
      circle.setAttribute("cx", xOf((atMs - fromMs) / (toMs - fromMs)));
      circle.setAttribute("cy", yOf(Math.cos(2 * Math.PI * turns())));
      circle.setAttribute("opacity", running);
    }
    const { atFrom, atTo, atNone } = readout.dataset;
    const where = away() ? atNone : atMs < 0 ? atFrom : atTo;
    const text = `${Math.round(atMs).toString().replace("-", "−")} ms: ${where}`;
    readout.textContent = text;
    readout.dataset.state = away() ? "away" : atMs < 0 ? "from" : "to";
    slider.value = atMs;
    slider.setAttribute("aria-valuetext", text);
  }

  function frame(now) {
    if (!playing) return;
    const pace = periodMs / turnMs / (slow.getAttribute("aria-pressed") === "true" ? SLOW : 1);
    if (lastFrame !== undefined) goTo(atMs + (now - lastFrame) * pace);
    lastFrame = now;
    requestAnimationFrame(frame);
  }

  function goTo(ms) {
    const length = toMs - fromMs;
    atMs = fromMs + ((((ms - fromMs) % length) + length) % length);
    show();
  }

  function run(on) {
    if (on === playing) return;
    playing = on;
    lastFrame = undefined;
    play.textContent = on ? "Pause" : "Sweep";
    if (on) requestAnimationFrame(frame);
    else show();
  }

  play.addEventListener("click", () => run(!playing));
  slow.addEventListener("click", () => {
    slow.setAttribute("aria-pressed", String(slow.getAttribute("aria-pressed") !== "true"));
  });
  slider.addEventListener("input", () => {
    run(false);
    atMs = Number(slider.value);
    show();
  });
  section.addEventListener("keydown", (event) => {
    if (!event.target.closest(".scopes svg")) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === " ") run(!playing);
    else if (step) {
      run(false);
      goTo(atMs + step * periodMs * STEP_SHARE);
    } else return;
    event.preventDefault();
  });
  still.addEventListener("change", () => {
    if (still.matches) run(false);
  });

  find("controls").hidden = false;
  show();
  run(!still.matches);
}

/** A circle on a plot, and where the shares of its scales are. */
function pointOn(svg) {
  const between =
    ([start, end]) =>
    (share) =>
      start + (end - start) * share;
  const [x, y] = [svg.dataset.x, svg.dataset.y].map((range) => range.split(" ").map(Number));
  const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  circle.setAttribute("r", 7);
  circle.setAttribute("class", "point");
  svg.append(circle);
  return { circle, xOf: between(x), yOf: (height) => between(y)((height + 1) / 2) };
}

if (section) sweep(section);

// On paper nothing can be opened.
const closed = () => document.querySelectorAll("details:not([open])");
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...closed()];
  for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});
