"""test_result_files.py - files that are none, are cut off, or say what cannot be: one line each"""
import json

from support import RunnerTest, results_of, run
from runner import cli

TIMES = {'pair': {'glibc': [1.0] * 5, 'mine': [1.0] * 5}}


class Malformed(RunnerTest):
    """Every use that reads a file refuses it alike."""

    def setUp(self):
        super().setUp()
        self.whole = self.folder / 'whole.json'
        results_of(TIMES).save(self.whole)

    def assert_all_refuse(self, text):
        """--show, --compare and --resume name the file and what is wrong with it."""
        for words in (('--show', self.out), ('--compare', self.whole, self.out),
                      ('--compare', self.out, self.whole), ('--resume', '--out', self.out)):
            ending = run(*words)
            self.assert_refused(text, ending)
            self.assertIn(str(self.out), ending.err)

    def change(self, change):
        """Write the whole file with something done to it."""
        content = json.loads(self.whole.read_text())
        change(content)
        self.out.write_text(json.dumps(content))

    def test_a_whole_file_is_read(self):
        for words in ('--show', self.whole), ('--compare', self.whole, self.whole):
            self.assertEqual(run(*words).status, cli.EXIT_OK)

    def test_no_file(self):
        self.assert_all_refuse('No such file')

    def test_a_folder(self):
        self.out.mkdir()
        self.assert_all_refuse('Is a directory')

    def test_what_is_no_json(self):
        for content in (b'', b'no json', b'\xff\xfe\x00', b'[' * 100000, b'{"format": 1'):
            with self.subTest(content[:20]):
                self.out.write_bytes(content)
                self.assert_all_refuse('not a result file')

    def test_json_of_something_else(self):
        for content in '[]', '{}', 'null', '1', '{"format": 2}', '{"format": []}':
            with self.subTest(content):
                self.out.write_text(content)
                self.assert_all_refuse('not a result file of format 1')

    def test_a_file_that_was_cut_off_anywhere(self):
        content = self.whole.read_bytes()
        for length in range(0, len(content) - 2, len(content) // 40):
            self.out.write_bytes(content[:length])
            self.assert_refused('not a result file', run('--show', self.out))

    def test_each_part_that_is_missing_is_named(self):
        for key in json.loads(self.whole.read_text()):
            if key != 'format':
                with self.subTest(key):
                    self.change(lambda content, key=key: content.pop(key))
                    self.assert_all_refuse(f"not a whole result file: the file has no '{key}'")

    def test_each_part_of_another_kind_is_named(self):
        for key in json.loads(self.whole.read_text()):
            if key != 'format':
                with self.subTest(key):
                    self.change(lambda content, key=key: content.update({key: 1}))
                    self.assert_refused(f'not a whole result file: {key} is not',
                                        run('--show', self.out))

    def test_parts_of_parts(self):
        def sample(**changes):
            return lambda content: content['samples'][0].update(changes)

        def usage(**changes):
            return lambda content: content['samples'][0]['usage'].update(changes)
        for change, text in (
                (lambda c: c['samples'][0].pop('row'), "samples[0] has no 'row'"),
                (lambda c: c['samples'][0]['usage'].pop('user'), "samples[0].usage has no 'user'"),
                (lambda c: c['samples'].append(None), 'samples[10] is not a map'),
                (lambda c: c['rows'][0].update(in_means='yes'), 'rows[0].in_means is not true or'),
                (lambda c: c['settings'].update(work='1'), 'settings.work is not a whole number'),
                (lambda c: c['peers'].clear(), 'no peer is in it'),
                (lambda c: c.update(more=1), "it should have no 'more'"),
                (sample(value='1'), 'samples[0].value is not a number'),
                (sample(value=float('nan')), 'samples[0].value is not a number'),
                (sample(value=float('inf')), 'samples[0].value is not a number'),
                (sample(value=10 ** 400), 'samples[0].value is not a number'),
                (sample(value=-1), 'samples[0].value is below 0'),
                (usage(peak_kib=0), 'samples[0].usage.peak_kib is not above 0')):
            with self.subTest(text):
                self.change(change)
                self.assert_all_refuse(text)

    def test_a_file_of_which_nothing_was_run_is_shown(self):
        self.change(lambda content: content['samples'].clear())
        self.assertEqual(run('--show', self.out).status, cli.EXIT_OK)
        self.change(lambda content: (content['samples'].clear(), content['rows'].clear()))
        self.assertEqual(run('--show', self.out).status, cli.EXIT_OK)
