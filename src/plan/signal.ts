import { PodrunError } from '../errors.js';

/** Numbers of signal(7) on x86-64 and arm64, which agree. */
const numbers: Readonly<Record<string, number>> = {
  ...{
    HUP: 1,
    INT: 2,
    QUIT: 3,
    ILL: 4,
    TRAP: 5,
    ABRT: 6,
    IOT: 6,
    BUS: 7,
    FPE: 8,
    KILL: 9,
    USR1: 10,
    SEGV: 11,
    USR2: 12,
  },
  ...{ PIPE: 13, ALRM: 14, TERM: 15, STKFLT: 16, CHLD: 17, CLD: 17, CONT: 18, STOP: 19, TSTP: 20, TTIN: 21, TTOU: 22 },
  ...{ URG: 23, XCPU: 24, XFSZ: 25, VTALRM: 26, PROF: 27, WINCH: 28, IO: 29, POLL: 29, PWR: 30, SYS: 31 },
};

/** What user space sees as the first real-time signal: glibc keeps 32 and 33 for itself. */
const realTimeMin = 34;
const realTimeMax = 64;

/**
 * Number of a STOPSIGNAL: "SIGQUIT", "QUIT", "3", "SIGRTMIN+3", "RTMAX-1"; case does not matter. Nothing means SIGTERM.
 * A signal that is none is refused before the container starts: containerd only finds out when it has to stop it.
 * @throws ERR_PODRUN_IMAGE_CONFIG
 * @see image-spec v1.1 config.md, `StopSignal`
 */
export function stopSignalNumber(text: string | undefined): number {
  if (text === undefined || text === '') return 15;
  const signal = parse(text);
  if (signal !== undefined && signal >= 1 && signal <= realTimeMax) return signal;
  throw new PodrunError('ERR_PODRUN_IMAGE_CONFIG', `the image's STOPSIGNAL ${JSON.stringify(text)} is not a signal`, {
    hint: 'expected a name such as SIGQUIT or SIGRTMIN+3, or a number from 1 to 64',
  });
}

function parse(text: string): number | undefined {
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const name = text.toUpperCase().replace(/^SIG/, '');
  if (Object.hasOwn(numbers, name)) return numbers[name];
  const [, base, sign, offset = '0'] = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name) ?? [];
  if (base === 'MIN' && sign !== '-') return inRealTime(realTimeMin + Number(offset));
  if (base === 'MAX' && sign !== '+') return inRealTime(realTimeMax - Number(offset));
  return undefined;
}

function inRealTime(signal: number): number | undefined {
  return signal >= realTimeMin && signal <= realTimeMax ? signal : undefined;
}
