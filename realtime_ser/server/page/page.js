// The page for people without a terminal: sound of a microphone or a recording goes to /v1/stream,
// what comes back is shown. Times are in seconds unless a name says otherwise.

// ---- what is fixed ---------------------------------------------------------------------------

const LOOKS = {
  angry: ["A", "😠"],
  disgust: ["D", "🤢"],
  fear: ["F", "😨"],
  happy: ["H", "😀"],
  neutral: ["N", "😐"],
  sad: ["S", "😢"],
  surprise: ["P", "😲"],
  uncertain: ["?", "🤔"],
}; // letter and emoji, as in realtime_ser/ui/palette.py
const EMOTIONS = Object.keys(LOOKS).filter((name) => name !== "uncertain");
const FIELDS = [
  "schema", "stream", "channel", "kind", "start", "end", "utc", "emotion", "confidence",
  ...EMOTIONS,
  "arousal", "valence", "level_dbfs", "adapted", "latency_ms", "flags",
]; // docs/timeline-format.md
const WHOLE = new Set(["schema", "channel"]);

const MOST_SPANS = 20000; // drawn, a channel; the CSV has all
const MOST_LISTED = 200; // utterances in the list; the CSV has all
const MOST_KEPT = 2 * 3600; // of a recording that is kept
const LARGEST_FILE = 300e6; // bytes
const LONGEST_FILE = 2 * 3600; // it takes as long to listen to, and much more memory than its bytes
const RECORDING_RATE = 16000; // Hz; what the model hears
const SLOW = 2; // of sound that waits to be sent: worth a word
const TOO_SLOW = 30;
const LAST_WORDS = 2; // that the audio thread has for handing over what is left
const TOKEN = "realtime-ser token";

const INSECURE =
  "Browsers give sound to pages on https or localhost only. Open this page as " +
  "http://localhost on the server's own machine, through a tunnel, or over https.";
const GONE = "The server cannot be reached. See whether it runs, and start again.";
const WANTS_TOKEN = "The server wants its token. Whoever runs it can tell you.";
const WRONG_TOKEN = "That is not the server's token. Type it again.";
const MICROPHONE = {
  NotAllowedError:
    "The browser was not allowed to use the microphone. Allow it in the settings of this page, " +
    "next to its address, and start again.",
  NotFoundError: "No microphone was found. Plug one in and start again, or choose a recording.",
  NotReadableError: "The microphone cannot be opened; another program may have it. Close that, and start again.",
};
const ERRORS = {
  full: "The server is full",
  busy: "The server is too busy",
  too_many: "The server is full",
  ending: "The server is being shut down",
  unauthorized: WRONG_TOKEN,
}; // of the server's codes; the others speak for themselves

class Trouble extends Error {} // something that is told in one sentence

// ---- small help ------------------------------------------------------------------------------

const $ = (id) => document.getElementById(id);
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
const percent = (share) => `${Math.round(100 * share)} %`;
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  return parts.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
}

function make(tag, text = "", properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

const emoji = (emotion) => make("span", LOOKS[emotion][1], { className: "emoji", ariaHidden: "true" });

function chip(emotion) {
  const made = make("span", LOOKS[emotion][0], { className: "chip", ariaHidden: "true" });
  made.style.setProperty("--look", `var(--${emotion})`);
  return made;
}

// Only what differs: screen readers say it again whenever it is written.
function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function save(blob, name) {
  const link = make("a", "", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function csvLine(row) {
  return FIELDS.map((name) => csvField(name, row[name])).join(",") + "\n";
}

function csvField(name, value) {
  if (value === null) return "";
  if (typeof value === "number") {
    return Number.isInteger(value) && !WHOLE.has(name) ? value.toFixed(1) : String(value);
  }
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function wav(blocks, rate) {
  const bytes = blocks.reduce((sum, block) => sum + (block.size ?? block.byteLength), 0);
  const head = new DataView(new ArrayBuffer(44));
  const texts = { 0: "RIFF", 8: "WAVE", 12: "fmt ", 36: "data" };
  for (const [at, text] of Object.entries(texts)) {
    [...text].forEach((letter, i) => head.setUint8(Number(at) + i, letter.charCodeAt(0)));
  }
  [[4, 36 + bytes], [16, 16], [24, rate], [28, 2 * rate], [40, bytes]].forEach(([at, value]) =>
    head.setUint32(at, value, true));
  [[20, 1], [22, 1], [32, 2], [34, 16]].forEach(([at, value]) => head.setUint16(at, value, true));
  return new Blob([head, ...blocks], { type: "audio/wav" });
}

// ---- sound -----------------------------------------------------------------------------------

async function openMicrophone() {
  if (!window.isSecureContext) throw new Trouble(INSECURE);
  const context = new AudioContext({ latencyHint: "interactive" });
  const wished = (name) => ({ [name]: $(name).checked });
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        channelCount: 1,
        ...wished("echoCancellation"), ...wished("noiseSuppression"), ...wished("autoGainControl"),
      },
    });
  } catch (error) {
    context.close();
    throw new Trouble(MICROPHONE[error.name] ?? `The microphone cannot be used: ${error.message}`);
  }
  const [track] = stream.getAudioTracks();
  const release = () => track.stop();
  const sound = await capture(context, () => context.createMediaStreamSource(stream), 1, { release });
  track.onended = () => sound.end("The microphone was unplugged or taken away.");
  if (track.readyState === "ended") track.onended();
  return sound;
}

async function openRecording(buffer, channels, audible) {
  const context = new AudioContext({ sampleRate: buffer.sampleRate });
  let player = null;
  const source = () => (player = new AudioBufferSourceNode(context, { buffer }));
  const [begin, release] = [() => player.start(), () => player?.disconnect()];
  const sound = await capture(context, source, channels, { begin, release });
  if (audible) player.connect(context.destination);
  player.onended = () => sound.end();
  return sound;
}

// Sound that runs through the worklet, in the blocks that the server gets.
async function capture(context, source, channels, { begin = () => {}, release }) {
  let input, node;
  try {
    await context.audioWorklet.addModule("page/capture-worklet.js").catch(() => {
      throw new Trouble(GONE);
    });
    input = source();
    node = new AudioWorkletNode(context, "capture", {
      channelCount: channels, channelCountMode: "explicit", processorOptions: { channels },
    });
  } catch (error) {
    release();
    context.close();
    throw error;
  }
  let done;
  const last = new Promise((resolve) => (done = resolve));
  const sound = {
    channels,
    rate: context.sampleRate,
    ended: false, // by itself
    over() {}, // what follows then
    end(why = null) {
      [sound.ended, sound.why] = [true, why];
      sound.over(why);
    },
    async start(take) {
      node.port.onmessage = ({ data }) => (data === null ? done() : take(data));
      input.connect(node).connect(context.destination); // silence comes out of it
      await context.resume();
      begin();
    },
    async stop() {
      if (context.state === "running") {
        node.port.postMessage("stop");
        await Promise.race([last, pause(LAST_WORDS)]); // a device that is lost stops the thread
      }
      sound.close();
    },
    close() {
      sound.over = () => {};
      release();
      if (context.state !== "closed") context.close();
    },
  };
  return sound;
}

function toPcm(block) {
  const pcm = new Int16Array(block.length);
  for (let i = 0; i < block.length; i++) {
    pcm[i] = Math.round(32767 * Math.max(-1, Math.min(1, block[i])));
  }
  return pcm;
}

function dbfs(block) {
  const power = block.reduce((sum, sample) => sum + sample * sample, 0) / block.length;
  return Math.max(-120, 10 * Math.log10(power));
}

// ---- the server ------------------------------------------------------------------------------

let token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token !== null) {
  sessionStorage.setItem(TOKEN, token);
  history.replaceState(null, "", location.pathname + location.search);
}
token ??= sessionStorage.getItem(TOKEN);

// Whether the server takes our token, which a refused WebSocket does not say.
async function checkAdmission() {
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  let answer;
  try {
    answer = await fetch("v1/streams", { method: "HEAD", headers, cache: "no-store" });
  } catch {
    throw new Trouble(GONE);
  }
  if (answer.status === 401) {
    $("token-form").hidden = false;
    throw new Trouble(token === null ? WANTS_TOKEN : WRONG_TOKEN);
  }
  if (!answer.ok) throw new Trouble(`The server refuses this page (status ${answer.status}).`);
  $("token-form").hidden = true;
}

function openSocket() {
  const address = new URL("v1/stream", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  if (token !== null) address.searchParams.set("token", token);
  return new WebSocket(address);
}

// ---- a session -------------------------------------------------------------------------------

let session = null; // the newest

class Session {
  constructor(name, roles, length = null) {
    Object.assign(this, { name, roles, length });
    this.state = "connecting";
    this.frames = 0; // sent
    this.level = null;
    this.lanes = new Map(); // channel -> what is drawn of it
    this.newest = null; // window row
    this.speaking = new Set(); // channels
    this.lines = []; // of the CSV
    this.saved = true; // the CSV
    this.keptSaved = true; // the WAV
    this.speech = 0;
    this.alerts = 0;
    this.marks = []; // [second, page's milliseconds when it was sent]
    this.delays = [];
    this.lost = null;
    this.forgotten = 0; // second up to which the timeline is drawn no more
    this.kept = null; // the recording, in blocks and in blobs of many
    this.failure = null;
  }

  get sent() {
    return this.frames / (this.rate ?? 1);
  }

  get running() {
    return this.state !== "ended";
  }

  get unsaved() {
    return !this.saved || (this.kept !== null && !this.keptSaved);
  }

  // From the first message to the last; throws Trouble when it does not end in order.
  async run(sound) {
    this.sound = sound;
    this.rate = sound.rate;
    const socket = (this.socket = openSocket());
    this.bytesPerSecond = 2 * sound.rate * sound.channels;
    const closed = new Promise((done) => (this.closed = socket.onclose = done));
    socket.onopen = () =>
      socket.send(JSON.stringify({
        type: "start", sample_rate: sound.rate, encoding: "s16le", channels: this.roles,
      }));
    socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    sound.over = (why) => this.stop(why);
    if (sound.ended) this.stop(sound.why);
    const { code } = await closed;
    sound.close();
    const finished = code === 1000 && this.state === "finishing";
    this.state = "ended";
    this.speaking.clear();
    if (this.failure !== null) throw new Trouble(this.failure);
    if (this.left) return;
    if (!finished && this.lanes.size === 0) {
      await checkAdmission();
      throw new Trouble("The server did not take the connection. Start again in a while.");
    }
    if (!finished) {
      throw new Trouble(
        `The connection to the server was lost after ${clock(this.sent)}. ` +
        (this.lines.length ? "What came until then can be saved." : "Start again."));
    }
  }

  // At once, without waiting for anybody.
  leave(why) {
    [this.left, this.failure] = [true, why];
    this.socket.onmessage = null;
    this.socket.close();
    this.closed({});
  }

  async stop(why = null) {
    if (this.state === "connecting") this.leave(why);
    if (this.state !== "listening") return;
    this.state = "finishing";
    this.failure = why;
    changed();
    await this.sound.stop();
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('{"type":"stop"}');
  }

  hear(message) {
    const take = {
      ready: () => this.ready(message),
      speech_start: () => this.speaking.add(message.channel),
      window: () => this.row(message),
      utterance: () => this.row(message),
      alert: () => this.row(message),
      end: () => (this.lost = (this.lost ?? 0) + message.dropped),
      error: () => {
        const known = ERRORS[message.code];
        this.failure = known ? `${known}: ${message.message}.` : `The server ended this: ${message.message}.`;
      },
    }[message.type];
    take?.();
    changed();
  }

  ready({ classes, channels, model }) {
    for (const { channel, role, analysed } of channels) {
      this.lanes.set(channel, { role, analysed, spans: [], alerts: [], end: 0 });
    }
    this.state = "listening";
    $("model").textContent = `model ${model}`;
    showClasses(classes);
    showUtterances([]);
    this.sound
      .start((block) => this.take(block))
      .catch((error) => this.leave(`The sound cannot be started: ${error.message}.`));
  }

  take(block) {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const pcm = toPcm(block);
    this.socket.send(pcm);
    this.frames += block.length / this.sound.channels;
    this.marks.push([this.sent, performance.now()]);
    if (this.marks.length > 1200) this.marks.splice(0, 600);
    this.level = dbfs(block);
    if (this.kept !== null && this.sent <= MOST_KEPT) this.keep(pcm);
    this.waiting = this.socket.bufferedAmount / this.bytesPerSecond;
    if (this.waiting > TOO_SLOW) {
      this.leave("The connection is too slow for sound; what was heard until now can be saved.");
    }
    changed();
  }

  row(row) {
    const lane = this.lanes.get(row.channel);
    this.lines.push(csvLine(row));
    this.saved = false;
    if (row.kind === "window") {
      this.newest = row;
      lane.spans.push([Math.max(row.start, lane.end), row.end, row.emotion, row.confidence]);
      if (lane.spans.length > MOST_SPANS) {
        lane.spans.splice(0, MOST_SPANS / 4);
        this.forgotten = Math.max(this.forgotten, lane.spans[0][0]);
      }
      lane.end = row.end;
      this.measureDelay(row.end);
      announce(row);
    } else if (row.kind === "utterance") {
      this.speaking.delete(row.channel);
      this.speech += row.end - row.start;
      showUtterance(row, lane.role);
    } else {
      this.alerts += 1;
      lane.alerts.push(row.end);
      if (lane.alerts.length > MOST_SPANS) lane.alerts.shift();
      showUtterance(row, lane.role);
    }
  }

  // From when the last of a row's sound left the page until the row came.
  measureDelay(end) {
    const mark = this.marks.find(([second]) => second >= end);
    if (mark === undefined) return;
    this.delays.push(performance.now() - mark[1]);
    if (this.delays.length > 21) this.delays.shift();
  }

  get delay() {
    const sorted = [...this.delays].sort((a, b) => a - b);
    return sorted.length ? sorted[sorted.length >> 1] : null;
  }

  keep(pcm) {
    this.keptSaved = false;
    this.kept.push(pcm);
    // A blob need not be in memory.
    if (this.kept.length > 1200) this.kept = [new Blob(this.kept)];
  }

  forgetRecording() {
    this.kept = null;
  }
}

async function begin(name, open, roles, { length = null, keep = false } = {}) {
  if (session?.running || $("start").disabled) return;
  if (session?.unsaved && !confirm("The session on this page is not saved. Clear it?")) return;
  $("start").disabled = true; // until the browser has asked
  say(null);
  let sound = null;
  const trial = new Session(name, roles, length);
  try {
    sound = await open();
    await checkAdmission();
    if (keep) trial.kept = [];
    session = trial;
    view.end = null;
    changed();
    await trial.run(sound);
  } catch (error) {
    if (!(error instanceof Trouble)) console.error(error);
    say(error instanceof Trouble ? error.message : `Something went wrong: ${error.message}.`);
  } finally {
    sound?.close();
    trial.state = "ended";
    $("start").disabled = false;
    changed();
  }
}

// ---- what is shown ---------------------------------------------------------------------------

const view = { width: 60, end: null }; // end: null follows what comes
let due = false;
let drawn = 0; // milliseconds

function changed() {
  if (due) return;
  due = true;
  requestAnimationFrame(function look(now) {
    if (now - drawn < 80) return requestAnimationFrame(look);
    [due, drawn] = [false, now];
    show();
  });
}

function say(text, mild = false) {
  $("trouble").hidden = text === null;
  put("trouble", text ?? "");
  $("trouble").classList.toggle("mild", mild);
}

function show() {
  const running = session?.running ?? false;
  $("start").hidden = $("choose").hidden = running;
  $("stop").hidden = !running;
  $("stop").disabled = session?.state === "finishing";
  $("file").disabled = running;
  $("settings").hidden = running;
  if (running) $("recording").hidden = true;
  put("note", running ? session.name : "or drop one anywhere on this page");
  if (running && session.waiting > SLOW) {
    const waiting = Math.max(SLOW, 5 * Math.floor(session.waiting / 5));
    say(`The connection is slow: more than ${waiting} s of sound wait to be sent.`, true);
  } else if ($("trouble").classList.contains("mild")) {
    say(null);
  }
  if (session === null) return;
  showNow();
  showFacts();
  draw();
}

function showNow() {
  const row = session.newest;
  const speaking = session.speaking.size > 0;
  const state = session.state === "listening" && session.sent > 0
    ? speaking ? "speech" : session.newest ? "silence" : "listening"
    : session.state;
  $("state").dataset.state = state;
  const who = speaking && session.lanes.size > 1
    ? `: ${[...session.speaking].map((channel) => session.lanes.get(channel).role).join(" and ")}`
    : "";
  $("state").textContent = { finishing: "finishing", ended: "not listening" }[state] ?? state + who;
  const level = session.state === "listening" ? session.level : null;
  $("level").style.width = `${level === null ? 0 : Math.max(0, Math.min(100, (level + 70) / 0.7))}%`;
  $("level-text").textContent = level === null ? "" : `level ${level.toFixed(0).replace("-", "−")} dB`;
  $("word").classList.toggle("none", row === null);
  $("emoji").textContent = row === null ? "" : LOOKS[row.emotion][1];
  if (row === null) {
    $("now").style.removeProperty("--look");
    $("word").textContent = "nothing heard yet";
    $("sure").textContent = session.running ? "speak, and it appears here" : "";
  } else {
    $("now").style.setProperty("--look", `var(--${row.emotion})`);
    $("word").textContent = row.emotion;
    const likely = EMOTIONS.find((name) => row[name] === row.confidence);
    const sure = row.emotion === "uncertain"
      ? `likeliest: ${likely}, ${percent(row.confidence)}`
      : `${percent(row.confidence)} likely`;
    $("sure").textContent = speaking ? sure : `${sure}; last heard at ${clock(row.end)}`;
  }
  document.querySelector(".big").classList.toggle("past", row !== null && !speaking);
  for (const bar of $("bars").children) {
    const share = row?.[bar.dataset.emotion] ?? 0;
    bar.querySelector(".fill").style.width = `${100 * share}%`;
    bar.querySelector(".share").textContent = row === null ? "" : percent(share);
    bar.classList.toggle("top", row !== null && share === row.confidence);
  }
}

function showFacts() {
  const { length, sent, delay, lost } = session;
  $("elapsed").textContent = length === null ? clock(sent) : `${clock(sent)} of ${clock(length)}`;
  $("speech").textContent = clock(session.speech);
  $("alerts").textContent = session.alerts;
  $("latency").textContent = delay === null ? "–" : `${Math.round(delay)} ms`;
  $("dropped").textContent = lost !== null ? `${lost.toFixed(1)} s` : session.running ? "told at the end" : "unknown";
  $("dropped").classList.toggle("small", lost === null);
  $("rows").textContent = session.lines.length;
  $("csv").disabled = session.lines.length === 0;
  $("wav").hidden = session.running || !session.kept?.length;
  $("anew").hidden = session.running || session.lines.length === 0;
  const unheard = [...session.lanes.values()].filter((lane) => !lane.analysed);
  $("left-out").textContent = [
    ...unheard.map((lane) => `The ${lane.role}'s channel is not analysed: this server leaves agents out.`),
    session.forgotten ? `What was before ${clock(session.forgotten)} is not drawn any more; the CSV has it.` : "",
    session.kept !== null && session.sent > MOST_KEPT ? `The recording is kept up to ${clock(MOST_KEPT)} only.` : "",
  ].filter(Boolean).join(" ");
}

function showClasses(classes) {
  $("bars").replaceChildren(...classes.map((emotion) => {
    const item = make("li");
    item.dataset.emotion = emotion;
    const [track, fill] = [make("div", "", { className: "track" }), make("div", "", { className: "fill" })];
    fill.style.background = `var(--${emotion})`;
    track.append(fill);
    const name = make("span");
    name.append(emoji(emotion), emotion);
    item.append(name, track, make("span", "", { className: "share" }));
    return item;
  }));
  $("legend").replaceChildren(...[...classes, "uncertain"].map((emotion) => {
    const item = make("li");
    item.append(chip(emotion), emotion);
    return item;
  }));
}

function showUtterances(rows) {
  $("utterances").replaceChildren(...rows);
  $("utterances").parentElement.classList.toggle("several", session.lanes.size > 1);
  $("no-utterances").hidden = false;
}

function showUtterance(row, role) {
  const line = make("tr");
  const what = make("td");
  if (row.kind === "alert") {
    line.className = "alert";
    const names = row.flags.split(";").filter((flag) => flag.startsWith("alert:"));
    what.textContent = `alert: ${names.map((flag) => flag.slice(6)).join(", ")}`;
  } else {
    what.append(chip(row.emotion), emoji(row.emotion), row.emotion);
  }
  line.append(
    make("td", clock(row.start)), make("td", clock(row.end)), what,
    make("td", percent(row.confidence), { className: "number" }), make("td", role, { className: "who" }));
  $("utterances").prepend(line);
  $("no-utterances").hidden = true;
  while ($("utterances").children.length > MOST_LISTED) $("utterances").lastChild.remove();
}

// Screen readers hear of another emotion, at most every three seconds.
let announced = { emotion: null, at: 0 };

function announce({ emotion, confidence }) {
  if (emotion === announced.emotion || performance.now() - announced.at < 3000) return;
  announced = { emotion, at: performance.now() };
  $("spoken").textContent = emotion === "uncertain" ? emotion : `${emotion}, ${percent(confidence)}`;
}

// ---- the timeline ----------------------------------------------------------------------------

const LANE = 60; // pixels of the page
const AXIS = 22;

function draw() {
  const lanes = [...session.lanes.values()].filter((lane) => lane.analysed);
  const canvas = $("canvas");
  const height = Math.max(1, lanes.length) * LANE + AXIS;
  canvas.style.height = `${height}px`;
  const [width, ratio] = [canvas.clientWidth, window.devicePixelRatio];
  const size = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "600 12px system-ui, sans-serif";
  pen.textBaseline = "middle";

  const end = showScroll();
  const start = end - view.width;
  const x = (second) => (width * (second - start)) / view.width;
  const ink = { track: style("track"), muted: style("muted"), card: style("card"), alarm: style("alarm") };
  lanes.forEach((lane, i) => drawLane(pen, lane, i * LANE, { x, start, end, width, ink, named: lanes.length > 1 }));
  drawAxis(pen, lanes.length * LANE, { x, start, end, width, ink });
}

function drawLane(pen, lane, top, { x, start, end, width, ink, named }) {
  const [high, base] = [LANE - 12, top + LANE - 4];
  pen.fillStyle = ink.track;
  pen.fillRect(x(Math.max(0, start)), base - 2, x(Math.min(end, session.sent)) - x(Math.max(0, start)), 2);
  let painted = -1; // spans narrower than a pixel share it
  let run = { emotion: null }; // neighbours of one emotion, which have one letter
  const label = () => {
    if (run.emotion === null || run.to - run.from < 11) return;
    pen.fillStyle = ink.card;
    pen.fillText(LOOKS[run.emotion][0], (run.from + run.to) / 2, base - 0.17 * high);
  };
  pen.textAlign = "center";
  for (let i = firstBehind(lane.spans, start); i < lane.spans.length && lane.spans[i][0] < end; i++) {
    const [from, to, emotion, confidence] = lane.spans[i];
    if (x(to) < painted + 0.7) continue;
    painted = x(to);
    const tall = high * (emotion === "uncertain" ? 0.35 : 0.35 + 0.65 * confidence);
    const wide = Math.max(0.7, x(to) - x(from) - (x(to) - x(from) > 3 ? 1 : 0));
    pen.fillStyle = style(emotion);
    pen.fillRect(x(from), base - tall, wide, tall);
    if (run.emotion !== emotion || x(from) - run.to > 1) {
      label();
      run = { emotion, from: x(from) };
    }
    run.to = x(to);
  }
  label();
  pen.fillStyle = ink.alarm;
  for (const second of lane.alerts.filter((at) => start <= at && at <= end)) {
    pen.beginPath();
    pen.moveTo(x(second) - 5, top);
    pen.lineTo(x(second) + 5, top);
    pen.lineTo(x(second), top + 8);
    pen.fill();
  }
  if (named) {
    pen.fillStyle = ink.muted;
    pen.textAlign = "left";
    pen.fillText(lane.role, Math.min(4, width), top + 8);
  }
}

function drawAxis(pen, top, { x, start, end, width, ink }) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800];
  const step = steps.find((each) => x(each) - x(0) >= 64) ?? 3600;
  pen.fillStyle = ink.muted;
  pen.textAlign = "center";
  for (let second = Math.max(0, Math.ceil(start / step) * step); second <= end; second += step) {
    const half = pen.measureText(clock(second)).width / 2;
    pen.fillRect(Math.min(x(second), width - 1), top, 1, 4);
    pen.fillText(clock(second), Math.max(half, Math.min(width - half, x(second))), top + 13);
  }
}

// Index of the first span that ends behind a second.
function firstBehind(spans, second) {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle][1] > second) high = middle;
    else low = middle + 1;
  }
  return low;
}

// Sets the slider; returns the second at the right edge.
function showScroll() {
  const scroll = $("scroll");
  const most = Math.max(view.width, session.sent);
  scroll.disabled = session.sent <= view.width;
  scroll.classList.toggle("needless", scroll.disabled);
  [scroll.min, scroll.max] = [view.width, most];
  const end = view.end === null ? most : Math.min(most, Math.max(view.width, view.end));
  if (document.activeElement !== scroll || view.end === null) scroll.value = end;
  scroll.ariaValueText = `${clock(Math.max(0, end - view.width))} to ${clock(end)}`;
  return end;
}

// ---- what people do --------------------------------------------------------------------------

let recording = null; // { name, buffer }

// Of a file, without decoding it; 0 where the browser cannot say.
async function lengthOf(file) {
  const player = new Audio();
  const told = new Promise((done) => {
    player.onloadedmetadata = () => done(Number.isFinite(player.duration) ? player.duration : 0);
    player.onerror = () => done(0);
  });
  player.preload = "metadata";
  player.src = URL.createObjectURL(file);
  const length = await Promise.race([told, pause(LAST_WORDS).then(() => 0)]);
  URL.revokeObjectURL(player.src);
  return length;
}

async function readRecording(file) {
  if (session?.running) return;
  say(null);
  if (!window.isSecureContext) return say(INSECURE);
  const tooLarge = `${file.name} is too large for a browser; use "realtime-ser analyze", or cut it.`;
  if (file.size > LARGEST_FILE || (await lengthOf(file)) > LONGEST_FILE) return say(tooLarge);
  $("note").textContent = `reading ${file.name}`;
  try {
    const reader = new OfflineAudioContext(1, 1, RECORDING_RATE);
    recording = { name: file.name, buffer: await reader.decodeAudioData(await file.arrayBuffer()) };
  } catch {
    recording = null;
    say(`${file.name} is not a recording that this browser can read. WAV, MP3, OGG and FLAC are safe.`);
  }
  $("note").textContent = "or drop one anywhere on this page";
  $("recording").hidden = recording === null;
  if (recording === null) return;
  const { buffer } = recording;
  $("recording-name").textContent = `${recording.name}, ${clock(buffer.duration)}`;
  $("roles").hidden = buffer.numberOfChannels !== 2;
  $("mixed").checked = false;
  showMixed();
  $("recording").querySelector("button").focus();
}

function showMixed() {
  $("left").disabled = $("right").disabled = $("mixed").checked;
}

async function analyseRecording() {
  const { name, buffer } = recording;
  const split = buffer.numberOfChannels === 2 && !$("mixed").checked;
  const roles = split ? [$("left").value, $("right").value] : ["speaker"];
  await begin(name, () => openRecording(buffer, roles.length, $("audible").checked), roles, {
    length: buffer.duration,
  });
  if ($("recording").hidden) recording = null; // it was listened to, and is large
}

const stem = () => session.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}._-]+/gu, "-");

$("start").onclick = () => begin("microphone", openMicrophone, ["speaker"], { keep: $("keep").checked });
$("stop").onclick = () => session.stop();
$("file").onchange = () => {
  if ($("file").files.length) readRecording($("file").files[0]);
  $("file").value = "";
};
$("recording").onsubmit = (event) => {
  event.preventDefault();
  analyseRecording();
};
$("forget").onclick = () => {
  recording = null;
  $("recording").hidden = true;
};
$("mixed").onchange = showMixed;
$("keep").onchange = () => {
  if (!$("keep").checked) session?.forgetRecording();
  changed();
};
$("csv").onclick = () => {
  save(new Blob([FIELDS.join(",") + "\n", ...session.lines], { type: "text/csv" }), `${stem()}.csv`);
  session.saved = true;
};
$("wav").onclick = () => {
  save(wav(session.kept, session.rate), `${stem()}.wav`);
  session.keptSaved = true;
};
$("token-form").onsubmit = async (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem(TOKEN, token);
  await greet();
};
$("zoom").onclick = ({ target }) => {
  if (target.value) setWidth(Number(target.value));
};
$("scroll").oninput = () => {
  const { value, max } = $("scroll");
  view.end = Number(value) >= Number(max) - 0.2 ? null : Number(value);
  changed();
};
addEventListener("resize", changed);
matchMedia("(prefers-color-scheme: dark)").onchange = changed;
addEventListener("beforeunload", (event) => {
  if (session?.running || session?.unsaved) event.preventDefault();
});

const hasFile = (event) => event.dataTransfer?.types.includes("Files") && !session?.running;
addEventListener("dragover", (event) => {
  event.preventDefault();
  $("drop").hidden = !hasFile(event);
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) $("drop").hidden = true;
});
addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").hidden = true;
  if (hasFile(event) && event.dataTransfer.files.length) readRecording(event.dataTransfer.files[0]);
});

function setWidth(seconds) {
  view.width = seconds;
  for (const button of $("zoom").children) {
    button.ariaPressed = String(Number(button.value) === seconds);
  }
  changed();
}

async function greet() {
  try {
    if (!window.isSecureContext) throw new Trouble(INSECURE);
    await checkAdmission();
    say(null);
  } catch (error) {
    say(error.message);
  }
}

setWidth(view.width);
showClasses(EMOTIONS);
greet();
