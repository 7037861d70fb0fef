/** Channels of the sandbox's protocol, native/sandbox/PROTOCOL.md; 0 to 4 are Kubernetes' remotecommand numbers. */
export const channel = { stdin: 0, stdout: 1, stderr: 2, resize: 4, control: 9 } as const;

const headerBytes = 5;
const maxPayloadBytes = 1 << 20;

/** One frame: u32 big endian length of the payload, u8 channel, payload. */
export function encodeFrame(channelNumber: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.byteLength);
  frame.writeUInt32BE(payload.byteLength, 0);
  frame.writeUInt8(channelNumber, 4);
  frame.set(payload, headerBytes);
  return frame;
}

export function encodeControl(message: object): Buffer {
  return encodeFrame(channel.control, Buffer.from(JSON.stringify(message)));
}

/** Splits a byte stream into frames. */
export class FrameDecoder {
  #pending: Buffer = Buffer.alloc(0);

  /** Calls `onFrame` for each whole frame; payloads are views that live only during the call. */
  push(chunk: Buffer, onFrame: (channelNumber: number, payload: Buffer) => void): void {
    let data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (data.length >= headerBytes) {
      const length = data.readUInt32BE(0);
      if (length > maxPayloadBytes) throw new RangeError(`frame of ${length} bytes`);
      const end = headerBytes + length;
      if (data.length < end) break;
      onFrame(data.readUInt8(4), data.subarray(headerBytes, end));
      data = data.subarray(end);
    }
    this.#pending = Buffer.from(data);
  }
}
