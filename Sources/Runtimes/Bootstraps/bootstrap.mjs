// Runs a Node.js handler: loads it, then answers invocations of the Lambda Runtime API (2018-06-01) for ever.
// Works on Node.js 18 and later without packages. HTTP is spoken over one plain socket: `http` takes long to load.

import { closeSync, existsSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createConnection } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { format, types } from 'node:util';

const environment = process.env;
if (environment.APUS_BINDING !== undefined) await awaitFunction(Number(environment.APUS_BINDING));
const require = createRequire(import.meta.url);
const taskRoot = environment.LAMBDA_TASK_ROOT ?? '/var/task';
// From Node.js 24 on AWS has no callbacks any more. What counts is the runtime that the function names.
const named = /^AWS_Lambda_nodejs(\d+)\.x$/.exec(environment.AWS_EXECUTION_ENV ?? '');
const hasCallbacks = Number(named?.[1] ?? process.versions.node.split('.')[0]) < 24;

/** Waits, started ahead, for the variables of the function that this process is to run, and takes them for its own. */
async function awaitFunction(descriptor) {
  // The loaders that will load its modules take their time at first.
  await import('data:text/javascript,');
  createRequire(import.meta.url)('node:path');
  const read = (count) => {
    const bytes = Buffer.alloc(count);
    for (let filled = 0; filled < count; ) {
      const part = readSync(descriptor, bytes, filled, count - filled, null);
      // Nobody wants it.
      if (part === 0) process.exit(0);
      filled += part;
    }
    return bytes;
  };
  const pairs = read(read(4).readUInt32LE()).toString('utf8').split('\0').slice(0, -1);
  closeSync(descriptor);
  for (const name of Object.keys(environment)) delete environment[name];
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    environment[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  // The directory by this name is another one now.
  process.chdir(environment.LAMBDA_TASK_ROOT ?? '/var/task');
}

// --- Errors ----------------------------------------------------------------------------------------------------------

/** An error that the runtime finds, not the function: its name is one of AWS's types. */
class RuntimeError extends Error {
  constructor(kind, message) {
    super(message);
    this.name = `Runtime.${kind}`;
    // Frames of this file tell the function's author nothing; what remains is the name and the message.
    this.stack = `${this.name}: ${message}`;
  }
}

function isError(value) {
  return types.isNativeError(value) || (value instanceof Object && 'name' in value && 'message' in value && 'stack' in value);
}

function stackLines(error) {
  return String(error.stack ?? '').split('\n');
}

/** The error document that the platform hands to the caller. */
function errorDocument(error) {
  if (isError(error)) {
    return { errorType: String(error.name), errorMessage: String(error.message), trace: stackLines(error) };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

/** The same for the log: with whatever else the error carries. */
function loggedError(error) {
  if (!isError(error)) return errorDocument(error);
  return { errorType: error.name, errorMessage: error.message, code: error.code, ...error, name: undefined, stack: stackLines(error) };
}

function errorText(error) {
  try {
    return JSON.stringify(loggedError(error), (_, value) => (isError(value) ? loggedError(value) : value));
  } catch {
    return JSON.stringify(errorDocument(error));
  }
}

// --- Logs ------------------------------------------------------------------------------------------------------------

const jsonLogs = (environment.AWS_LAMBDA_LOG_FORMAT ?? '').toUpperCase() === 'JSON';
const levels = { TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, FATAL: 6 };
const leastLevel = levels[(environment.AWS_LAMBDA_LOG_LEVEL ?? '').toUpperCase()] ?? 0;
let currentRequest;
let currentTenant;

function writeOut(text) {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      // A full pipe that somebody made non-blocking: its reader is at work.
      if (error.code !== 'EAGAIN') return;
    }
  }
}

function record(level, values) {
  if (leastLevel > levels[level]) return;
  const time = new Date().toISOString();
  if (jsonLogs) return writeOut(jsonRecord(time, level, values) + '\n');
  // One record is one line of the pipe, so its own line ends become carriage returns.
  writeOut(`${time}\t${currentRequest}\t${level}\t${format(...values)}`.replaceAll('\n', '\r') + '\n');
}

function jsonRecord(timestamp, level, values) {
  const fields = { timestamp, level, requestId: currentRequest, tenantId: currentTenant };
  const plainError = (_, value) => (value instanceof Error ? { ...errorFields(value), ...value } : value);
  if (values.length === 1) {
    try {
      return JSON.stringify({ ...fields, message: values[0] }, plainError);
    } catch {
      return JSON.stringify({ ...fields, message: format(values[0]) });
    }
  }
  fields.message = format(...values);
  const error = values.find((value) => value instanceof Error);
  return JSON.stringify(error ? { ...fields, ...errorFields(error) } : fields);
}

function errorFields(error) {
  return {
    errorType: error instanceof RuntimeError ? error.name : error.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? stackLines(error) : error.stack,
  };
}

function logError(title, error) {
  if (jsonLogs) record('ERROR', [error instanceof Error ? error : new Error(error)]);
  else record('ERROR', [`${title} \t%s`, errorText(error)]);
}

function patchConsole() {
  const methods = { log: 'INFO', info: 'INFO', debug: 'DEBUG', warn: 'WARN', error: 'ERROR', trace: 'TRACE', fatal: 'FATAL' };
  for (const [method, level] of Object.entries(methods)) {
    console[method] = (value, ...values) => record(level, [value, ...values]);
  }
}

// --- The Runtime API -------------------------------------------------------------------------------------------------

const errorType = 'Lambda-Runtime-Function-Error-Type';
const errorBody = 'Lambda-Runtime-Function-Error-Body';

/** What an error is called, fit for a header. */
function headerText(text) {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}

/** One kept-alive connection with one request at a time on it. */
class RuntimeAPI {
  constructor(authority) {
    const colon = authority.lastIndexOf(':');
    this.host = authority.slice(0, colon);
    this.port = Number(authority.slice(colon + 1));
    this.authority = authority;
    this.received = Buffer.alloc(0);
  }

  async next() {
    const answer = await this.exchange('GET', '/invocation/next');
    if (answer.status !== 200) throw new Error(`GET next answered ${answer.status}`);
    return answer;
  }

  /** Refusals (413 for an answer that is too long) are the platform's to report: the next invocation goes on. */
  async post(path, body, headers = '') {
    const answer = await this.exchange('POST', path, body, headers);
    if (answer.status >= 500) throw new Error(`POST ${path} answered ${answer.status}`);
  }

  fail(path, error) {
    const document = errorDocument(error);
    return this.post(path, JSON.stringify(document), `${errorType}: ${headerText(document.errorType)}\r\n`);
  }

  async exchange(method, path, body, headers = '') {
    const text = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    const head = `${method} /2018-06-01/runtime${path} HTTP/1.1\r\nHost: ${this.authority}\r\nUser-Agent: apus-node/1\r\n`;
    const request = `${head}${text}${headers}\r\n${body ?? ''}`;
    const kept = this.socket !== undefined;
    try {
      return await this.send(request);
    } catch (error) {
      // A connection that the server closed while it was idle is replaced once.
      if (!kept) throw error;
      return await this.send(request);
    }
  }

  send(request) {
    return new Promise((resolve, reject) => {
      if (this.socket === undefined) this.connect();
      this.waiting = { resolve, reject };
      // Only an exchange keeps the process alive: otherwise an idle handler could not be told from a busy one.
      this.socket.ref();
      this.socket.write(request);
    });
  }

  /** Begins a response in parts: `write` and `end` send them, `answered` is kept when the platform has taken it. */
  stream(path, contentType) {
    const lines = [
      `POST /2018-06-01/runtime${path} HTTP/1.1`, `Host: ${this.authority}`, 'User-Agent: apus-node/1',
      'Lambda-Runtime-Function-Response-Mode: streaming', `Trailer: ${errorType}, ${errorBody}`,
      `Content-Type: ${contentType}`, 'Transfer-Encoding: chunked', '', '',
    ];
    let over = false;
    const answered = this.send(lines.join('\r\n')).finally(() => (over = true));
    const socket = this.socket;
    // An answer before the end (413) is a refusal: nobody wants the rest.
    const send = (bytes, done) => (over || socket.destroyed ? done() : socket.write(bytes, () => done()));
    const write = (parts, done) => {
      const full = parts.filter((part) => part.length > 0);
      if (over || full.length === 0) return done();
      socket.cork();
      full.forEach((part, index) => {
        socket.write(`${part.length.toString(16)}\r\n`);
        socket.write(part);
        if (index < full.length - 1) socket.write('\r\n');
      });
      send('\r\n', done);
      socket.uncork();
    };
    const end = (trailers, done) => send(`0\r\n${trailers}\r\n`, done);
    return { write, end, answered };
  }

  connect() {
    const socket = createConnection({ host: this.host, port: this.port, noDelay: true });
    this.socket = socket;
    this.received = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      this.received = this.received.length > 0 ? Buffer.concat([this.received, bytes]) : bytes;
      this.take();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.settle('reject', new Error('the Runtime API closed the connection'));
    });
  }

  settle(how, value) {
    const waiting = this.waiting;
    this.waiting = undefined;
    this.socket?.unref();
    waiting?.[how](value);
  }

  /** Completes the exchange when its whole answer is here. */
  take() {
    if (this.length === undefined) {
      const end = this.received.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = readHead(this.received.toString('utf8', 0, end));
      this.received = this.received.subarray(end + 4);
      this.length = this.head.headers['transfer-encoding'] === 'chunked' ? -1 : Number(this.head.headers['content-length'] ?? 0);
    }
    let body;
    if (this.length < 0) {
      const chunked = readChunks(this.received);
      if (chunked === undefined) return;
      body = chunked.body;
      this.received = chunked.rest;
    } else {
      if (this.received.length < this.length) return;
      body = this.received.subarray(0, this.length);
      this.received = this.received.subarray(this.length);
    }
    this.length = undefined;
    this.settle('resolve', { ...this.head, body });
  }
}

function readHead(text) {
  const [first, ...lines] = text.split('\r\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(first.split(' ')[1]), headers };
}

function readChunks(bytes) {
  const parts = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (bytes.length < end + 4 + size) return undefined;
    if (size === 0) return { body: Buffer.concat(parts), rest: bytes.subarray(end + 4) };
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
}

// --- Loading the handler ---------------------------------------------------------------------------------------------

/** Whether a `.js` file is an ES module: the nearest package.json says so. */
function isModule(file) {
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    const description = join(directory, 'package.json');
    if (existsSync(description)) {
      try {
        return JSON.parse(readFileSync(description, 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    if (directory === dirname(directory) || basename(directory) === 'node_modules') return false;
  }
}

function load(file) {
  if (file.endsWith('.mjs') || (file.endsWith('.js') && isModule(file))) return import(pathToFileURL(file).href);
  return require(file);
}

async function loadModule(root, name) {
  const path = join(taskRoot, root, name);
  if (isFile(path)) return await load(path);
  for (const extension of ['.js', '.mjs', '.cjs']) {
    if (existsSync(path + extension)) return await load(path + extension);
  }
  return require(require.resolve(root ? join(root, name) : name, { paths: [join(taskRoot, root), taskRoot] }));
}

function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The function that `directory/module.function` names; `function` may lead through objects with further dots. */
async function loadHandler(name) {
  if (name.includes('..')) {
    const advice = 'Use absolute paths when specifying root directories in handler names.';
    throw new RuntimeError('MalformedHandlerName', `'${name}' is not a valid handler name. ${advice}`);
  }
  const file = basename(name);
  const parts = /^([^.]*)\.(.*)$/.exec(file);
  if (!parts || parts[1] === '' || parts[2] === '') throw new RuntimeError('MalformedHandlerName', 'Bad handler');
  let module;
  try {
    module = await loadModule(name.slice(0, name.length - file.length), parts[1]);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError('UserCodeSyntaxError', String(error));
    if (error?.code === 'MODULE_NOT_FOUND') throw new RuntimeError('ImportModuleError', String(error));
    throw error;
  }
  const handler = parts[2].split('.').reduce((object, key) => object?.[key], module);
  if (handler === undefined || handler === null) {
    throw new RuntimeError('HandlerNotFound', `${name} is undefined or not exported`);
  }
  if (typeof handler !== 'function') throw new RuntimeError('HandlerNotFound', `${name} is not a function`);
  if (!streams(handler) && !hasCallbacks && handler.length >= 3) {
    throw new RuntimeError(
      'CallbackHandlerDeprecated',
      'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. ' +
        'You need to modify this function to use a supported handler signature to use Node.js 24 or later.',
    );
  }
  return handler;
}

// --- One invocation --------------------------------------------------------------------------------------------------

/** What is being answered; undefined while nothing runs. */
let invocation;

class Invocation {
  constructor(api, headers) {
    this.api = api;
    this.requestID = headers['lambda-runtime-aws-request-id'];
    this.deadline = Number(headers['lambda-runtime-deadline-ms'] ?? 0);
    this.waitsForEmptyLoop = true;
    this.headers = headers;
    this.answered = new Promise((resolve) => (this.finish = resolve));
    this.settled = false;
  }

  /** The first outcome counts. `when` is `now`, or `idle`: once nothing more happens in the process. */
  settle(error, value, when) {
    if (this.settled) return;
    this.settled = true;
    this.outcome = { error, value };
    if (when === 'now' || !this.waitsForEmptyLoop) setImmediate(() => this.answer());
  }

  /** Called when the event loop is empty: nothing can settle it any more, so an open invocation is answered with null. */
  idle() {
    this.outcome ??= { value: null };
    this.settled = true;
    this.answer();
  }

  answer() {
    if (this.sent) return;
    this.sent = true;
    const path = `/invocation/${this.requestID}`;
    let { error, value } = this.outcome;
    let body;
    if (error === undefined || error === null) {
      try {
        body = JSON.stringify(value) ?? 'null';
      } catch {
        error = new Error('Unable to stringify response body');
      }
    }
    if (body === undefined) logError('Invoke Error', error);
    const post = body === undefined ? this.api.fail(`${path}/error`, error) : this.api.post(`${path}/response`, body);
    post.then(this.finish, endWithoutAPI);
  }

  context() {
    const own = this;
    const context = {
      get callbackWaitsForEmptyEventLoop() {
        return own.waitsForEmptyLoop;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        own.waitsForEmptyLoop = Boolean(value);
      },
      functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
      functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
      memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: headerJSON(this.headers['lambda-runtime-client-context'], 'ClientContext'),
      identity: headerJSON(this.headers['lambda-runtime-cognito-identity'], 'CognitoIdentity'),
      invokedFunctionArn: this.headers['lambda-runtime-invoked-function-arn'],
      awsRequestId: this.requestID,
      getRemainingTimeInMillis: () => this.deadline - Date.now(),
    };
    const tenant = this.headers['lambda-runtime-aws-tenant-id'];
    if (tenant !== undefined) context.tenantId = tenant;
    if (hasCallbacks) {
      context.succeed = (value) => this.settle(undefined, value, 'now');
      context.fail = (error) => this.settle(error ?? 'handled', undefined, 'now');
      context.done = (error, value) => this.settle(error, value, 'idle');
    }
    return context;
  }

  start(handler, event, context) {
    const callback = (error, value) => this.settle(error, value, 'idle');
    const result = hasCallbacks ? handler(event, context, callback) : handler(event, context);
    if (typeof result?.then === 'function') {
      result.then(
        (value) => this.settle(undefined, value, 'now'),
        (error) => this.settle(error ?? new Error(String(error)), undefined, 'now'),
      );
    } else if (!hasCallbacks) {
      this.settle(undefined, result, 'now');
    }
  }
}

// --- Responses in parts ----------------------------------------------------------------------------------------------

const streamingMark = Symbol.for('aws.lambda.runtime.handler.streaming');
const highWaterMark = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

function streams(handler) {
  const mark = handler[streamingMark];
  if (mark === undefined || mark === null || mark === false) return false;
  if (mark === 'response') return true;
  throw new RuntimeError('MalformedStreamingHandler', 'Only response streaming is supported.');
}

/** What a streaming handler writes its response to. The request begins with the first write. */
class ResponseStream extends Writable {
  constructor(api, path, options) {
    super({ decodeStrings: true, ...options });
    this.api = api;
    this.path = path;
    this.contentType = 'application/octet-stream';
    this.isWritten = false;
    this.trailers = '';
    this.answered = new Promise((resolve, reject) => (this.settleAnswer = { resolve, reject }));
    // Without a listener an error would end the process; the handler hears of it from its own writes.
    this.on('error', () => {});
  }

  setContentType(type) {
    if (this.isWritten) throw new RuntimeError('InvalidStreamingOperation', 'Cannot set content-type, too late.');
    this.contentType = headerText(String(type));
  }

  write(chunk, encoding, callback) {
    if (typeof chunk !== 'string' && !Buffer.isBuffer(chunk) && chunk?.constructor !== Uint8Array) {
      chunk = JSON.stringify(chunk);
    }
    if (!this.isWritten) {
      this.isWritten = true;
      this._onBeforeFirstWrite?.((part) => super.write(part));
    }
    return super.write(chunk, encoding, callback);
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === 'function') return super.end(chunk);
    if (chunk !== undefined && chunk !== null) this.write(chunk, typeof encoding === 'string' ? encoding : undefined);
    return super.end(typeof encoding === 'function' ? encoding : callback);
  }

  begin() {
    if (this.request !== undefined) return this.request;
    this.request = this.api.stream(this.path, this.contentType);
    this.request.answered.then(this.settleAnswer.resolve, this.settleAnswer.reject);
    return this.request;
  }

  _write(chunk, encoding, done) {
    this.begin().write([chunk], done);
  }

  _writev(chunks, done) {
    this.begin().write(chunks.map(({ chunk }) => chunk), done);
  }

  _final(done) {
    this.isEnded = true;
    this.begin().end(this.trailers, done);
  }

  /** Ends the response with an error, if its end is not out already. */
  fail(error) {
    const document = errorDocument(error);
    // A header has its limits: the trace is what can be spared.
    if (JSON.stringify(document).length > 8192) document.trace = [];
    const body = Buffer.from(JSON.stringify(document)).toString('base64');
    this.trailers = `${errorType}: ${headerText(document.errorType)}\r\n${errorBody}: ${body}\r\n`;
    if (this.isEnded) return;
    if (!this.destroyed) return super.end();
    this.isEnded = true;
    this.begin().end(this.trailers, () => {});
  }
}

/** An invocation of a handler that streams. It is over when the platform has the whole response. */
class StreamedInvocation extends Invocation {
  constructor(api, headers, options) {
    super(api, headers);
    this.stream = new ResponseStream(api, `/invocation/${this.requestID}/response`, options);
    this.stream.answered.then(() => (this.isAnswered = true), endWithoutAPI);
  }

  get isAnswering() {
    return this.stream.request !== undefined;
  }

  context() {
    const context = super.context();
    for (const name of ['succeed', 'fail', 'done']) delete context[name];
    return context;
  }

  settle(error) {
    this.run(async () => {
      throw error;
    });
  }

  start(handler, event, context) {
    this.run(async () => {
      const result = handler(event, this.stream, context);
      if (typeof result?.then !== 'function') throw 'Streaming does not support non-async handlers.';
      if ((await result) !== undefined) console.warn('Streaming handlers ignore return values.');
    });
  }

  async run(body) {
    try {
      await body();
    } catch (error) {
      this.fail(error);
    }
    await this.stream.answered;
    if (!this.waitsForEmptyLoop) this.finish();
  }

  fail(error) {
    logError('Invoke Error', error);
    this.stream.fail(error);
  }

  /** The event loop is empty: either all is over, or nothing will ever end the response. */
  idle() {
    if (this.isAnswered) setImmediate(this.finish);
    else this.fail('Response stream is not finished.');
  }
}

/** What functions find as `awslambda`. */
const streaming = {
  streamifyResponse(handler, options) {
    handler[streamingMark] = 'response';
    if (typeof options?.highWaterMark === 'number') handler[highWaterMark] = Math.trunc(options.highWaterMark);
    return handler;
  },
  HttpResponseStream: class HttpResponseStream {
    /** A response with a head: `prelude` has `statusCode`, `headers` and `cookies`. */
    static from(stream, prelude) {
      stream.setContentType('application/vnd.awslambda.http-integration-response');
      const head = JSON.stringify(prelude);
      stream._onBeforeFirstWrite = (write) => {
        write(head);
        write(new Uint8Array(8));
      };
      return stream;
    }
  },
};

function headerJSON(text, name) {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

async function invoke(api, handler, { headers, body }) {
  const mark = handler[highWaterMark];
  const options = typeof mark === 'number' ? { highWaterMark: mark } : undefined;
  invocation = streams(handler) ? new StreamedInvocation(api, headers, options) : new Invocation(api, headers);
  currentRequest = invocation.requestID;
  currentTenant = headers['lambda-runtime-aws-tenant-id'];
  const trace = headers['lambda-runtime-trace-id'];
  if (trace === undefined) delete environment._X_AMZN_TRACE_ID;
  else environment._X_AMZN_TRACE_ID = trace;
  try {
    const event = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
    invocation.start(handler, event, invocation.context());
  } catch (error) {
    invocation.settle(error ?? new Error(String(error)), undefined, 'now');
  }
  await invocation.answered;
  invocation = undefined;
}

// --- The life of an environment --------------------------------------------------------------------------------------

function endWithoutAPI() {
  process.exit(1);
}

/** Reports an error that nothing caught, to whatever runs, and ends the process: its state can't be trusted. */
function endBy(api, title, status) {
  return (error) => {
    logError(title, error);
    // A response that is on its way can't be taken back: that it is cut off says enough.
    if (invocation?.isAnswering) process.exit(status);
    const path = invocation ? `/invocation/${invocation.requestID}/error` : '/init/error';
    if (invocation) invocation.sent = true;
    api.fail(path, error).then(() => process.exit(status), endWithoutAPI);
  };
}

async function main() {
  const api = new RuntimeAPI(environment.AWS_LAMBDA_RUNTIME_API);
  patchConsole();
  if (!['1', 'true'].includes(environment.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) globalThis.awslambda = streaming;
  const uncaught = endBy(api, 'Uncaught Exception', 129);
  process.on('uncaughtException', uncaught);
  process.on('unhandledRejection', (reason, promise) => {
    const error = new RuntimeError('UnhandledPromiseRejection', String(reason));
    Object.assign(error, { reason, promise });
    endBy(api, 'Unhandled Promise Rejection', 128)(error);
  });
  process.on('beforeExit', () => invocation?.idle());
  let handler;
  try {
    handler = await loadHandler(environment._HANDLER ?? '');
  } catch (error) {
    logError('Uncaught Exception', error);
    await api.fail('/init/error', error);
    process.exit(1);
  }
  for (;;) await invoke(api, handler, await api.next());
}

main().catch(endWithoutAPI);
