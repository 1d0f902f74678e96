import { shallowRef } from 'vue'

/** A Consequence is what else an action concerns. */
export interface Consequence {
  title: string
  items: { text: string; to: string }[]
  more: boolean
}

/** A Question is what a confirm dialog asks. */
export interface Question {
  title: string
  /** What will happen, in a sentence. */
  text?: string
  consequences?: Consequence[]
  /** On the button that does it. */
  action: string
  danger?: boolean
}

interface Asked extends Question {
  answer: (yes: boolean) => void
}

export const question = shallowRef<Asked | null>(null)

/** Asks the user and waits for the answer; UiConfirm shows it. */
export function confirm(q: Question): Promise<boolean> {
  question.value?.answer(false)
  return new Promise((resolve) => {
    question.value = {
      ...q,
      answer: (yes) => {
        question.value = null
        resolve(yes)
      },
    }
  })
}
