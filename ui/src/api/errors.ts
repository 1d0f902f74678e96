/** What the Admin API says of the fields of a body: a message, or those of the fields within. */
export type FieldErrors = { [field: string]: FieldError }
export type FieldError = string | null | FieldErrors | FieldError[]

/** An ApiError is an answer of the Admin API that is none of success. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Its number among the reasons of the Admin API; 2 is a schema violation, 5 a unique one. */
    readonly code?: number,
    readonly fields: FieldErrors = {},
    readonly body: unknown = undefined,
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

/** An AwayError says that no answer came: the gateway does not run, or the network is gone. */
export class AwayError extends Error {
  constructor(cause?: unknown) {
    super('The Admin API is away', { cause })
    this.name = 'AwayError'
  }
}

/** The text for people of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
