export type { Clock } from './clock.js';
export { type ErrorCode, type ErrorKind, PodrunError } from './errors.js';
export type { PullEvent } from './images/image.js';
export type {
  ArchiveFormat,
  ImageInspection,
  ImageSummary,
  Images,
  LoadOptions,
  PruneOptions,
  PullOptions,
  Pushed,
  Removed,
  RemoveOptions,
  SaveOptions,
  Usage,
  UsageRow,
} from './images/manage/types.js';
export type { ApiPod } from './pod/object.js';
export type { PodResult } from './pod/result.js';
export type { ContainerState, ContainerStatus, PodCondition, PodStatus } from './pod/status.js';
export type {
  DeleteOptions,
  ExecOptions,
  LogLine,
  LogsOptions,
  PodEvent,
  PodFilter,
  PodHandle,
  PodrunApi,
  PodrunOptions,
  PodSource,
  RunOptions,
} from './podrun/api.js';
export { Podrun } from './podrun/podrun.js';
export type { ExecSession, TerminalSize } from './runtime/exec.js';
