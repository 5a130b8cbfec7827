"""test_report.py - the report: one file that needs nothing else, with plots and a verdict"""
import base64
import html.parser
import importlib.util
import random
import sys
import xml.etree.ElementTree
from unittest import mock

if importlib.util.find_spec('matplotlib') is None:
    print('skipped: there is no python3-matplotlib')
    sys.exit(77)

# pylint: disable=wrong-import-position
from support import FakeRow, RunnerTest, good_sample, make_results, results_of, run  # noqa: E402
from report import plots  # noqa: E402
from report.page import Verdict, places_of  # noqa: E402
from runner import cli, execute  # noqa: E402
from runner.peers import Peer  # noqa: E402
from runner.rows import MACRO, MICRO, STATE, Sample  # noqa: E402
from runner.summary import Table  # noqa: E402

SEED = 1
CRASH = Sample(execute.CRASHED, 'SIGSEGV')
SVG = '{http://www.w3.org/2000/svg}'
LINK = '{http://www.w3.org/1999/xlink}href'
EMPTY = {'meta', 'img', 'br', 'hr', 'link', 'input'}


class Page(html.parser.HTMLParser):
    """A report, taken apart: its tags, its words, its plots."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.tags = []
        self.words = []
        self.open = []
        self.unbalanced = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        self.words.append(data)

    @property
    def said(self):
        """All that is to be read."""
        return ' '.join(self.words)

    def plots(self):
        """The plots: what each shows, and its drawing."""
        for tag, attributes in self.tags:
            if tag == 'img':
                data = attributes['src'].removeprefix('data:image/svg+xml;base64,')
                yield attributes['alt'], xml.etree.ElementTree.fromstring(base64.b64decode(data))


def texts(drawing):
    """The words in a drawing."""
    return [''.join(element.itertext()) for element in drawing.iter(SVG + 'text')]


class ReportTest(RunnerTest):
    """A test of reports."""

    def report(self, made):
        """The report of results."""
        made.save(self.out)
        path = self.folder / 'a folder' / 'report.html'
        ending = run('--show', self.out, '--report', path)
        self.assert_says(f'report: {path}', ending)
        self.assertEqual(ending.status, cli.EXIT_OK)
        page = Page(path.read_text(encoding='utf-8'))
        self.assertEqual((page.unbalanced, page.open), ([], []))
        return page


def around(middle, count=7):
    """Times around a middle."""
    draw = random.Random(SEED)
    return [middle * draw.uniform(0.99, 1.01) for _ in range(count)]


class Whole(ReportTest):
    """A report of every kind of row."""

    pages = []

    def page(self):
        """The report, made once."""
        if not self.pages:
            self.pages.append(self.report(self.whole()))
        return self.pages[0]

    @staticmethod
    def whole():
        """Patterns, a program, threads, and memory at rest."""
        peers = [Peer(name) for name in ('glibc', 'jemalloc', 'libbuddy')]
        scaling = [FakeRow('churn', threads=n) for n in (1, 2, 4)]
        idle, sleepers = (FakeRow(name, group=STATE) for name in ('spike-idle', 'sleepers'))
        rows = [FakeRow('python3', group=MACRO), *scaling, idle, sleepers]
        made = make_results(rows, [peer.name for peer in peers])
        for number in range(5):
            for peer in peers:
                for row in rows:
                    values = {f'{name}@{t}': 1000.0 * (3 - t) for t in range(3)
                              for name in ('rss_kib', 'kib_per_thread')}
                    values |= {'core_ns_per_op': 10.0, 'first_burst': 1.0, 'next_burst': 2.0}
                    made.add(row, peer, number, good_sample(1.0 + number / 100, values=values))
        made.done()
        return made

    def test_it_needs_nothing_else(self):
        page = self.page()
        self.assertEqual({tag for tag, _ in page.tags}
                         & {'script', 'link', 'iframe', 'object', 'embed', 'base', 'video'}, set())
        for tag, attributes in page.tags:
            for name, value in attributes.items():
                if name in ('src', 'href', 'srcset', 'data', 'action', 'background'):
                    self.assertTrue(value.startswith('data:image/svg+xml;base64,'), (tag, value))
                self.assertFalse(name.startswith('on'), (tag, name))
        self.assertNotIn('@import', page.text)
        self.assertNotIn('url(', page.text)
        self.assertNotIn('http', page.text.replace('http-equiv', ''))

    def test_its_plots_need_nothing_else(self):
        for _, drawing in self.page().plots():
            for element in drawing.iter():
                self.assertNotIn(element.tag, (SVG + 'image', SVG + 'script'))
                self.assertTrue(element.get(LINK, '#').startswith('#'))
                self.assertNotIn('http', ''.join(element.get('style', '')))

    def test_it_has_all_the_plots(self):
        plots = dict(self.page().plots())
        for title in ('patterns: time against memory of glibc, jemalloc, libbuddy',
                      'real programs: time against memory of glibc, jemalloc, libbuddy',
                      'spike-idle: resident memory, MiB over time',
                      'sleepers: KiB for each thread over time',
                      'churn: cost of an operation over threads',
                      'python3: bars of all peers relative to the best',
                      'churn, 4 threads: bars of all peers relative to the best'):
            self.assertIn(title, plots)
            for peer in 'glibc', 'jemalloc', 'libbuddy':
                self.assertIn(peer, texts(plots[title]), title)
            self.assertNotIn('$', ''.join(texts(plots[title])))  # of numbers set as formulas

    def test_it_has_all_the_figures(self):
        said = self.page().said
        for words in ('Every row, relative to its best', 'All figures', 'Peers and machine',
                      'How it was measured', 'a pretended one', '2 cores', '5 repeats'):
            self.assertIn(words, said)

    def test_idle_rows_have_each_burst_in_its_column(self):
        self.assertIn('<th>the spike took</th><th>the next one took</th>', self.page().text)
        self.assertIn('<td>1.00 s</td><td>2.00 s</td></tr>', self.page().text)

    def test_each_figure_is_in_its_column(self):
        made = results_of({'a': {'glibc': [4.0] * 5}}, peaks={'a': {'glibc': 102400.0}})
        for sample in made.samples:
            sample['usage'] |= {'user': 3.0, 'sys': 1.0, 'minor_faults': 30, 'major_faults': 4}
        text = self.report(made).text
        self.assertIn('<th>runs</th><th>peak MiB</th><th>faults</th><th>user s</th><th>sys s</th>',
                      text)
        self.assertIn('<td>5</td><td>100.0</td><td>34</td><td>3.00</td><td>1.00</td></tr>', text)

    def test_an_interrupted_run_says_so(self):
        self.assertNotIn('interrupted', self.page().said)
        made = results_of({'a': {'glibc': [1.0]}})
        made.finished = ''
        self.assertIn('this run was interrupted', self.report(made).said)


class Drawn(ReportTest):
    """What the plots show, read from the figures before they become drawings."""

    TIMES = {'a': {'glibc': [1.0] * 5, 'mine': [2.0] * 5},
             'b': {'glibc': [2.0] * 5, 'mine': [1.0] * 5},
             'c': {'glibc': [1.0] * 5, 'mine': [8.0] * 5}}
    PEAKS = {row: {'glibc': 3000.0, 'mine': 1000.0} for row in TIMES}

    def figure(self, draw, *arguments):
        """The figure that a function of the report draws."""
        with mock.patch.object(plots, '_image', lambda figure, text: figure):
            made = draw(*arguments)
        self.addCleanup(plots.plt.close, made)
        return made

    def test_bars_are_multiples_of_the_best(self):
        table = Table(results_of(self.TIMES, peaks=self.PEAKS))
        made = self.figure(plots.row_bars, table, table.rows[0], plots.Style(table.peers))
        self.assertEqual([[bar.get_width() for bar in axes.patches] for axes in made.axes],
                         [[1.0, 2.0], [3.0, 1.0]])
        self.assertEqual([[text.get_text() for text in axes.texts] for axes in made.axes],
                         [['1.00', '2.00'], ['3.00', '1.00']])

    def test_places_on_the_map_are_means_of_time_and_memory_over_the_best(self):
        table = Table(results_of(self.TIMES, peaks=self.PEAKS))
        places = places_of(table, MICRO)
        for peer, expected in (('glibc', (2 ** (1 / 3), 3.0)), ('mine', (16 ** (1 / 3), 1.0))):
            for found, value in zip(places[peer], expected):
                self.assertAlmostEqual(found, value)
        made = self.figure(plots.overview_map, places, 'title', plots.Style(table.peers))
        self.assertEqual([tuple(place.get_offsets()[0]) for place in made.axes[0].collections],
                         [places['glibc'], places['mine']])
        self.assertIn('time', made.axes[0].get_xlabel())
        self.assertIn('memory', made.axes[0].get_ylabel())

    def test_lines_of_scaling_are_the_cost_of_an_operation(self):
        rows = [FakeRow('churn', threads=n) for n in (1, 2, 4)]
        made = make_results(rows, ['mine'])
        for row in rows:
            made.add(row, Peer('mine'), 0, good_sample(
                1.0, values={'core_ns_per_op': 10.0 * row.threads}))
        made = self.figure(plots.scaling, Table(made), made.rows, plots.Style(['mine']))
        self.assertEqual(made.axes[0].lines[0].get_xydata().tolist(),
                         [[1, 10], [2, 20], [4, 40]])

    def test_lines_over_time_are_in_the_unit_that_is_named(self):
        made = results_of({'spike-idle': {'mine': [1.0]}}, groups={'spike-idle': STATE})
        made.samples[0]['values'] = {'rss_kib@0.5': 2048.0, 'rss_kib@10': 1024.0, 'other@1': 9.0}
        made = self.figure(plots.over_time, Table(made), made.rows[0], 'rss_kib', 1024, 'MiB',
                           plots.Style(['mine']))
        self.assertEqual(made.axes[0].lines[0].get_xydata().tolist(), [[0.5, 2.0], [10.0, 1.0]])


class Verdicts(ReportTest):
    """What the first screen says."""

    @staticmethod
    def verdict(times, **more):
        """The answers, without the rest of the report."""
        return Page(Verdict(Table(results_of(times, **more))).answers()).said

    def test_faster(self):
        said = self.verdict({'a': {'libbuddy': around(0.5), 'glibc': around(1.0)}})
        self.assertIn('Faster than every peer, on the mean of all rows.', said)
        self.assertIn('patterns: 0.50x of glibc, the strongest (1 of 1 rows faster', said)
        self.assertIn('No row is above 1.05x of its best peer.', said)

    def test_slower_than_one_of_them(self):
        said = self.verdict({'a': {'libbuddy': around(1.0), 'glibc': around(2.0),
                                   'jemalloc': around(0.5)}})
        self.assertIn('Not the fastest, on the mean of all rows.', said)
        self.assertIn('2.00x of jemalloc, the strongest', said)
        self.assertIn('Behind the best peer in 1 of 1 rows, in 1 beyond noise. a 2.00x', said)

    def test_behind_in_a_row_that_only_shows_the_scaling(self):
        made = results_of({'a': {'libbuddy': around(0.5), 'glibc': around(1.0)},
                           'b': {'libbuddy': around(3.0), 'glibc': around(1.0)}})
        made.rows[1]['in_means'] = False
        said = Page(Verdict(Table(made)).answers()).said
        self.assertIn('patterns: 0.50x of glibc, the strongest (1 of 1 rows', said)
        self.assertIn('Behind the best peer in 1 of 2 rows, in 1 beyond noise. b 3.00x', said)

    def test_behind_within_the_noise(self):
        wild = [1.0, 1.2, 2.0, 2.2, 3.0]
        said = self.verdict({'a': {'libbuddy': [1.1 * t for t in wild], 'glibc': wild},
                             'b': {'libbuddy': around(2.0), 'glibc': around(1.0)}})
        self.assertIn('Behind the best peer in 2 of 2 rows, in 1 beyond noise. b 2', said)

    def test_on_a_par(self):
        said = self.verdict({'a': {'libbuddy': around(1.0), 'glibc': around(1.0)}})
        self.assertIn('On a par with the fastest peer', said)

    def test_too_few_runs(self):
        said = self.verdict({'a': {'libbuddy': [0.5] * 3, 'glibc': [1.0] * 3}})
        self.assertIn('Too few runs to tell that from noise.', said)

    def test_memory(self):
        times = {'a': {'libbuddy': around(1.0), 'glibc': around(1.0)}}
        for peak, words in ((500.0, 'Needs less memory than every peer.'),
                            (1000.0, 'Needs as much memory as the thriftiest peer.'),
                            (2000.0, 'Some peer needs less memory.')):
            self.assertIn(words, self.verdict(times, peaks={'a': {'libbuddy': peak}}))

    def test_rows_behind_are_listed(self):
        page = self.report(results_of({'a': {'libbuddy': [2.0] * 5, 'glibc': [1.0] * 5}},
                                      peaks={'a': {'libbuddy': 4000.0}}))
        self.assertIn('Rows above 1.05x of the best peer in time', page.said)
        self.assertIn('Rows above 1.25x of the best peer in memory', page.said)


class Odd(ReportTest):
    """Results that are not as they should be."""

    def test_crashed_rows_are_shown(self):
        page = self.report(results_of({'a': {'libbuddy': CRASH, 'glibc': around(1.0)},
                                       'b': {'libbuddy': around(1.0), 'glibc': CRASH},
                                       'c': {'libbuddy': CRASH, 'glibc': CRASH}}))
        self.assertIn('libbuddy failed in 2 rows. a (crashed), c (crashed)', page.said)
        self.assertIn('Crashed, hung, or not there', page.said)
        self.assertEqual(page.said.count('1 of 1 runs: SIGSEGV'), 2 * 4)
        plots = dict(page.plots())
        self.assertIn('crashed', texts(plots['a: bars of all peers relative to the best']))

    def test_a_peer_that_crashed_is_not_beaten_there(self):
        ours, theirs = around(0.5), around(1.0)
        said = self.report(results_of(
            {'a': {'libbuddy': ours, 'glibc': theirs, 'x': theirs, 'y': CRASH},
             'b': {'libbuddy': ours, 'glibc': theirs, 'x': CRASH, 'y': CRASH}},
            peaks={row: {'libbuddy': 500.0} for row in 'ab'})).said
        self.assertIn('Faster than every peer that ran, on the mean of all rows.', said)
        self.assertIn('Needs less memory than every peer that ran.', said)
        self.assertIn('patterns, time 0.500 0.500 (1 of 2 rows) -', said)

    def test_peers_that_were_not_there_and_rows_that_were_skipped_are_shown(self):
        made = results_of({'a': {'libbuddy': [1.0], 'glibc': [1.0]}})
        made.absent['mine'] = 'no file mine.so'
        made.rows += [FakeRow('node').as_json()]
        made.skipped['node'] = 'not installed: nodejs'
        said = self.report(made).said
        self.assertIn('no file mine.so', said)
        self.assertIn('skipped: not installed: nodejs', said)

    def test_a_single_peer_is_compared_with_nobody(self):
        for peer in 'libbuddy', 'glibc':
            page = self.report(results_of({'a': {peer: around(1.0)}}))
            self.assertIn(f'{peer} against nobody', page.said)
            self.assertIn('Faster? Nothing to compare with.', page.said)
            self.assertIn('Where not? Nothing to compare with.', page.said)
            self.assertNotIn('No row is above', page.said)
            self.assertTrue(list(page.plots()))

    def test_nothing_was_run(self):
        said = self.report(make_results([FakeRow('a')], ['glibc', 'libbuddy'])).said
        self.assertIn('Faster? Nothing to compare with.', said)
        self.assertNotIn('No row is above', said)

    def test_no_time_at_all_is_compared_with_nothing(self):
        said = self.report(results_of({'a': {'libbuddy': [0.0] * 5, 'glibc': [1.0] * 5},
                                       'b': {'libbuddy': [1.0] * 5, 'glibc': [0.0] * 5}})).said
        self.assertIn('Faster? Nothing to compare with.', said)
        self.assertNotIn('nan', said)

    def test_names_and_details_are_no_markup(self):
        evil = '<script>alert("&amp;")</script>'
        row = FakeRow(f'row{evil}')
        row.title = evil
        made = make_results([row], [evil, 'glibc'], absent={'x': evil})
        made.machine['processor'] = evil
        made.rows[0] |= {'unit': evil, 'what': evil}
        for number in range(5):
            made.add(row, Peer(evil), number, good_sample(1.0))
        made.add(row, Peer('glibc'), 0, Sample(execute.FAILED, evil))
        page = self.report(made)
        self.assertNotIn('<script', page.text)
        self.assertNotIn('script', {tag for tag, _ in page.tags})
        self.assertIn(evil, page.said)
        self.assertIn(evil, texts(dict(page.plots())[
            f'row{evil}: bars of all peers relative to the best']))

    def test_names_are_no_formulas(self):
        names = r'$\no$', '$x$', '100%', '_mine', 'a\\b', 'ünïcode ▸'
        rows = [*(FakeRow('churn', threads=n) for n in (1, 2, 4)), FakeRow('sleepers', group=STATE)]
        made = make_results(rows, names)
        for name in names:
            for row in rows:
                values = {'core_ns_per_op': 1.0, 'kib_per_thread@0': 1.0}
                made.add(row, Peer(name), 0, good_sample(1.0, values=values))
        drawn = dict(self.report(made).plots())
        self.assertIn('churn: cost of an operation over threads', drawn)
        self.assertIn('sleepers: KiB for each thread over time', drawn)
        for title, drawing in drawn.items():
            self.assertLessEqual(set(names), set(texts(drawing)), title)

    def test_rows_without_a_cost_of_an_operation_have_no_plot_of_it(self):
        made = make_results([FakeRow('churn', threads=n) for n in (1, 2, 4)], ['mine'])
        for row in (FakeRow('churn', threads=n) for n in (1, 2, 4)):
            made.add(row, Peer('mine'), 0, good_sample(1.0))
        self.assertNotIn('Scaling over threads', self.report(made).said)

    def test_what_was_said_beside_the_figures_is_shown(self):
        made = results_of({'a': {'glibc': [1.0]}})
        self.assertNotIn('Said beside the figures', self.report(made).said)
        made.samples[0]['detail'] = 'the spike is cut'
        self.assertRegex(self.report(made).said, 'Said beside the figures.*the spike is cut')
