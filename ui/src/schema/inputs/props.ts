import type { Hint } from '../layout'
import type { Field } from '../types'

/** What every input of a field is given beside its value. */
export interface InputProps {
  id: string
  field: Field
  path: string
  label: string
  hint: Hint
  invalid: boolean
  /** Ids of the texts that describe it. */
  described?: string
  required: boolean
}
