import { containerTypes } from './container.js';
import type { Field, Fields } from './field.js';
import { jobTypes } from './job.js';
import { podTypes } from './pod.js';
import { schedulingTypes } from './scheduling.js';
import { volumeTypes } from './volumes.js';

const types: Readonly<Record<string, Fields>> = {
  ...podTypes,
  ...jobTypes,
  ...containerTypes,
  ...volumeTypes,
  ...schedulingTypes,
};

/** The fields of a type of the API; undefined for a scalar. */
export function fieldsOf(type: string): Fields | undefined {
  return types[type];
}

export function fieldOf(fields: Fields, name: string): Field | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Every type, in the order in which the documentation has them. */
export function typeNames(): readonly string[] {
  return Object.keys(types);
}
