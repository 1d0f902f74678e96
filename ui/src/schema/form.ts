import { inject, provide, type InjectionKey, type Ref } from 'vue'
import type { FieldErrors } from '@/api/errors'
import type { Hint } from './layout'
import type { Values } from './model'

/** What all fields of one form share. */
export interface FormContext {
  /** Beginning of the ids of inputs. */
  id: string
  errors: Ref<FieldErrors>
  values: Ref<Values>
  hints: Record<string, Hint>
}

const key: InjectionKey<FormContext> = Symbol('form')

export const provideForm = (c: FormContext) => provide(key, c)

export function useForm(): FormContext {
  const c = inject(key)
  if (!c) throw new Error('a field stands outside of a form')
  return c
}
