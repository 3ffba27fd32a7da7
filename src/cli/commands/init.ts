// init: creates a new project and its profile, or inside a project only the profile. Asks on a terminal or reads
// answers from a pipe. Unanswered questions take their default: the embedded Postgres.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Json } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { fire, note } from '../../events/index.ts';
import { red } from '../../log.ts';
import { profileTemplates, readProfiles, PROFILES_FILE, profilesPlace } from '../../project/profile.ts';
import { readRawProject } from '../../project/project.ts';
import { writeProfile, writeStarter } from '../../project/starter.ts';
import { asDictionary, loadYaml } from '../../project/yaml.ts';
import type { CommandSession } from '../command-session.ts';
import { readFileText } from '../../project/read-file.ts';
import { makeFolder } from '../../make-folder.ts';

/** Events of `init` whose text is built here. */
type InitEvent =
  | 'ConfigFolderDirectory'
  | 'InvalidProfileTemplateYAML'
  | 'Note'
  | 'ProfileWrittenWithProjectTemplateYAML'
  | 'ProfileWrittenWithTargetTemplateYAML'
  | 'ProjectCreated'
  | 'ProjectNameAlreadyExists'
  | 'SettingUpProfile';

type Answers = { [key: string]: Json };

const TEMPLATE = 'profile_template.yml';

export async function initCommand(session: CommandSession): Promise<boolean> {
  const { cwd, env, flags, logger, positional, projectDir } = session;
  const say = (name: InitEvent, msg: string, data: Answers = {}): void =>
    fire(logger, name, { msg }, { data: () => data });
  const inProject = existsSync(join(projectDir, 'dbt_project.yml'));
  const existing = typeof flags['profile'] === 'string' ? flags['profile'] : null;
  const place = profilesPlace(cwd, env, flags.profiles_dir ?? undefined);
  const profiles = resolve(
    cwd,
    place.asked || existsSync(join(place.directory, PROFILES_FILE))
      ? place.directory
      : join(env['HOME'] ?? homedir(), '.dbt'),
  );
  const questions = new Questions();
  try {
    if (inProject) {
      if (existing !== null) throw errorOf('profileInExistingProject', {});
      if (flags['skip_profile_setup'] === true) return true;
      const profile = readRawProject(projectDir).data['profile'];
      if (typeof profile !== 'string') throw errorOf('projectWithoutProfile', { folder: projectDir });
      await setUpProfile(profile, projectDir);
      await runDebug(session, projectDir, profiles);
      return true;
    }
    const project = await projectName(questions, positional[0]);
    const folder = join(cwd, project);
    if (existsSync(folder)) {
      say('ProjectNameAlreadyExists', `A project called ${project} already exists here.`, { name: project });
      return true;
    }
    if (existing !== null && !(existing in readProfiles(profiles)))
      throw errorOf('noSuchProfile', { profile: existing });
    writeStarter(folder, project, existing ?? project);
    const skipped = existing === null && flags['skip_profile_setup'] === true;
    if (existing === null && !skipped) await setUpProfile(project, folder);
    const fine = skipped || (await runDebug(session, folder, profiles));
    say(
      'ProjectCreated',
      `Your new dbt project "${project}" was created!\nInitialized new project in ${folder}\n\nNext: cd ` +
        `${project} && npx tsdbt build\nprofiles.yml is explained at ` +
        'https://docs.getdbt.com/docs/configure-your-profile',
      { project_name: project },
    );
    if (fine === false)
      say('Note', red('Your profile may need adjustments. You can find the logs of `dbt debug` above'));
    return true;
  } finally {
    questions.close();
  }

  /** Keeps an existing profile if the user chooses so. */
  async function setUpProfile(name: string, folder: string): Promise<void> {
    say('SettingUpProfile', 'Setting up your profile.');
    const path = join(profiles, PROFILES_FILE);
    if (existsSync(path) && readFileText(path).trim() !== '' && name in readProfiles(profiles)) {
      if (
        (await questions.askFor(
          'bool',
          `The profile ${name} already exists in ${path}. Continue and overwrite it? [y/N]`,
          '',
        )) !== true
      )
        return;
    }
    const template = readTemplate(join(folder, TEMPLATE), () =>
      say(
        'InvalidProfileTemplateYAML',
        `${TEMPLATE} of the project is no mapping of YAML; asking for a database instead.`,
      ),
    );
    const { fixed, prompts } = template ?? (await chooseDatabase(questions));
    const { target = 'dev', ...output } = await answersFor(questions, prompts, { ...fixed });
    if (!existsSync(profiles)) {
      say('ConfigFolderDirectory', `Creating dbt configuration folder at ${profiles}`, { dir: profiles });
      makeFolder(profiles);
    }
    writeProfile(profiles, name, { target, outputs: { [String(target)]: output } });
    const ofTarget = template === null;
    say(
      ofTarget ? 'ProfileWrittenWithTargetTemplateYAML' : 'ProfileWrittenWithProjectTemplateYAML',
      `Profile ${name} written to ${path} with your answers` +
        `${ofTarget ? '' : ` and the values of the project's ${TEMPLATE}`}.`,
      { name, path },
    );
  }
}

async function projectName(questions: Questions, given: string | undefined): Promise<string> {
  for (let name = given; ; ) {
    if (name !== undefined && /^[^\d\W]\w*$/.test(name) && name !== 'dbt' && name !== 'dbt_postgres') return name;
    if (name) process.stdout.write(`${name} is not a valid project name.\n`);
    name = await questions.ask('Enter a name for your project (letters, digits, underscore)', undefined);
  }
}

async function chooseDatabase(questions: Questions): Promise<{ fixed: Answers; prompts: Answers }> {
  const templates = profileTemplates();
  const chosen = await choose(
    questions,
    'Which database would you like to use?',
    templates.map(({ title }) => title),
    'Enter a number',
  );
  return templates.find(({ title }) => title === chosen) as (typeof templates)[number];
}

async function choose<T extends string>(
  questions: Questions,
  head: string,
  options: readonly T[],
  prompt: string,
): Promise<T> {
  const listed = options.map((option, i) => `[${i + 1}] ${option}`).join('\n');
  for (;;) {
    const chosen =
      options[Number(await questions.ask(`${head === '' ? '' : `${head}\n`}${listed}\n\n${prompt}`, '1')) - 1];
    if (chosen !== undefined) return chosen;
  }
}

/** Reads the project's own questions. @returns null without a file, or for an empty one */
function readTemplate(path: string, invalid: () => void): { fixed: Answers; prompts: Answers } | null {
  if (!existsSync(path)) return null;
  let data: { readonly [key: string]: Json } | undefined;
  try {
    data = asDictionary(loadYaml(readFileText(path), path));
  } catch {
    data = undefined;
  }
  if (data === undefined) invalid();
  return data === undefined
    ? null
    : { fixed: { ...asDictionary(data['fixed'] ?? null) }, prompts: { ...asDictionary(data['prompts'] ?? null) } };
}

/** dbt's template language: `_choose_x` selects a set of further questions, `_fixed_x` is a constant. */
async function answersFor(questions: Questions, prompts: Answers, answers: Answers): Promise<Answers> {
  for (const [key, value] of Object.entries(prompts)) {
    const spec = asDictionary(value) ?? {};
    if (key.startsWith('_choose')) {
      const options = Object.keys(spec);
      const chosen = await choose(
        questions,
        '',
        options,
        `Desired ${key.slice(8).replaceAll('_', ' ')} option (enter a number)`,
      );
      await answersFor(questions, { ...asDictionary(spec[chosen] ?? null) }, answers);
    } else if (key.startsWith('_fixed')) answers[key.slice(7)] = value;
    else {
      const fallback = spec['default'] ?? undefined;
      const hint = typeof spec['hint'] === 'string' ? ` (${spec['hint']})` : '';
      const type =
        typeof spec['type'] === 'string'
          ? spec['type']
          : typeof fallback === 'boolean'
            ? 'bool'
            : typeof fallback === 'number'
              ? Number.isInteger(fallback)
                ? 'int'
                : 'float'
              : 'string';
      answers[key] = await questions.askFor(
        type,
        `${key}${hint}`,
        fallback === undefined ? undefined : String(fallback),
        spec['hide_input'] === true,
      );
    }
  }
  return answers;
}

/** @returns null if the user declined */
async function runDebug(session: CommandSession, projectDir: string, profiles: string): Promise<boolean | null> {
  if (session.flags['skip_debug'] === true) return null;
  note(session.logger, 'Running dbt debug to validate the project...', { data: () => ({}) });
  const { debugCommand } = await import('./debug.ts');
  return debugCommand({
    ...session,
    projectDir,
    // `init NAME` names a project, `debug NAME` a connection.
    positional: [],
    flags: { ...session.flags, project_dir: projectDir, profiles_dir: profiles, profile: null },
  });
}

const TYPE_WORDS: Readonly<Record<string, string>> = { int: 'integer', float: 'float', bool: 'boolean' };

/** Parsers of answers by type; they return null if the answer does not have the type. */
const READERS: Readonly<Record<string, (answer: string) => Json>> = {
  int: (answer) => (/^[-+]?\d+$/.test(answer) ? Number(answer) : null),
  float: (answer) => (Number.isFinite(Number(answer)) ? Number(answer) : null),
  bool: (answer) =>
    /^(?:1|y|yes|t|true|on)$/i.test(answer) ? true : /^(?:0|n|no|f|false|off)$/i.test(answer) ? false : null,
};

/** Asks questions on the console and reads answers from it or from a pipe. */
class Questions {
  #lines: Interface | undefined;
  readonly #waiting: ((line: string | null) => void)[] = [];
  readonly #read: string[] = [];
  #ended = false;
  #muted = false;

  /**
   * Repeats the question until it is answered.
   * @param fallback the value of an empty answer; undefined: an answer is required
   * @throws TsdbtError `usage` when the input ends before a required answer
   */
  async ask(question: string, fallback: string | undefined, hidden = false): Promise<string> {
    for (;;) {
      process.stdout.write(`${question}${fallback ? ` [${fallback}]` : ''}: `);
      const line = await this.#next(hidden);
      if (hidden || line === null) process.stdout.write('\n');
      const answer = line?.trim() || fallback;
      if (answer !== undefined) return answer;
      if (line === null) throw errorOf('answersEnded', { question });
    }
  }

  /**
   * Repeats the question until the answer has the type: int, float, bool, otherwise any text. Returns `''` for the
   * fallback.
   */
  async askFor(type: string, question: string, fallback: string | undefined, hidden = false): Promise<Json> {
    for (;;) {
      const answer = await this.ask(question, fallback, hidden);
      const read = answer === '' ? '' : (READERS[type]?.(answer) ?? (type in READERS ? null : answer));
      if (read !== null) return read;
      process.stdout.write(`Error: '${answer}' is not a valid ${TYPE_WORDS[type]}.\n`);
    }
  }

  close(): void {
    this.#lines?.close();
  }

  #next(hidden: boolean): Promise<string | null> {
    const lines = this.#open();
    this.#muted = hidden && process.stdin.isTTY === true;
    const ready = this.#read.shift();
    if (ready !== undefined || this.#ended) return Promise.resolve(ready ?? null);
    lines.resume();
    return new Promise((done) => this.#waiting.push(done));
  }

  #open(): Interface {
    if (this.#lines !== undefined) return this.#lines;
    const lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: process.stdin.isTTY === true,
    });
    // Passwords are not echoed.
    const echo = lines as Interface & { _writeToOutput?: (text: string) => void };
    echo._writeToOutput = (text) => {
      if (!this.#muted) process.stdout.write(text);
    };
    lines.on('line', (line) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#read.push(line);
      else waiting(line);
    });
    lines.once('close', () => {
      this.#ended = true;
      for (const waiting of this.#waiting.splice(0)) waiting(null);
    });
    this.#lines = lines;
    return lines;
  }
}
