<?php
// workload.php AMOUNT - arrays, strings, json, regular expressions, closures, objects, sorting

$amount = (int)$argv[1];
mt_srand(11);

$groups = [];
for ($i = 0; $i < $amount; $i++) {
	$name = "key" . mt_rand(0, intdiv($amount, 20));
	$groups[$name][] = str_repeat(chr(97 + $i % 26), mt_rand(0, 60));
}
ksort($groups);
echo count($groups), " groups, ", md5(serialize($groups)), "\n";

$text = json_encode($groups);
$back = json_decode($text, true);
echo strlen($text), " bytes of json, ", $back == $groups ? "same" : "different", "\n";
$number = preg_match_all('/"key(\d+)":\["(a+)"/', $text, $found);
echo $number, " found, ", md5(implode(",", $found[2])), "\n";

class Node
{
	public $next = null;
	public function __construct(public string $name, public array $values) {}
}
$list = null;
foreach ($groups as $name => $values) {
	$node = new Node($name, array_map(fn($v) => strrev($v) . strlen($v), $values));
	$node->next = $list;
	$list = $node;
}
for ($n = 0, $length = 0; $list; $list = $list->next, $n++) {
	$length += array_sum(array_map('strlen', $list->values));
}
echo "$n nodes, $length bytes\n";

$words = [];
foreach ($groups as $values) {
	array_push($words, ...$values);
}
usort($words, fn($a, $b) => strlen($a) <=> strlen($b) ?: strcmp($a, $b));
echo count(array_unique($words)), " words, ", crc32(implode(" ", $words)), "\n";
if (function_exists("gzcompress")) {
	echo md5(gzuncompress(gzcompress($text))) == md5($text) ? "unpacked" : "damaged", "\n";
}
$document = new SplObjectStorage();
for ($i = 0; $i < 1000; $i++) {
	$document[new ArrayObject([$i])] = new DateTime("@$i");
}
echo count($document), " objects\n";
