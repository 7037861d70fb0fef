import t from 'tap';
import { podHostname } from '../../src/plan/hosts.js';
import { podResolvConf } from '../../src/plan/resolv-conf.js';
import { planSandbox } from '../../src/plan/sandbox.js';
import { container, pod } from './fixture.js';

t.test('hostname is the Pod’s name, or spec.hostname', async (t) => {
  t.equal(podHostname(pod()), 'web');
  t.equal(podHostname(pod([container()], { hostname: 'other' })), 'other');
});

t.test('a long name is cut at 63, without - and . at the end', async (t) => {
  t.equal(podHostname(pod([], {}, 'a'.repeat(63))), 'a'.repeat(63));
  t.equal(podHostname(pod([], {}, 'a'.repeat(100))), 'a'.repeat(63));
  t.equal(podHostname(pod([], {}, `${'a'.repeat(61)}-.b${'c'.repeat(20)}`)), 'a'.repeat(61));
  t.equal(podHostname(pod([], {}, `${'a'.repeat(62)}-bbb`)), 'a'.repeat(62));
});

t.test('/etc/hosts is the kubelet’s, byte for byte', async (t) => {
  const plan = planSandbox(pod(), { address: '10.86.0.7', resolvConf: '' });
  t.equal(
    plan.hosts,
    '# Kubernetes-managed hosts file.\n' +
      '127.0.0.1\tlocalhost\n' +
      '::1\tlocalhost ip6-localhost ip6-loopback\n' +
      'fe00::0\tip6-localnet\n' +
      'fe00::0\tip6-mcastprefix\n' +
      'fe00::1\tip6-allnodes\n' +
      'fe00::2\tip6-allrouters\n' +
      '10.86.0.7\tweb\n',
  );
  t.equal(plan.hostnameFile, 'web\n');
  t.equal(plan.hostname, 'web');
  t.match(planSandbox(pod(), { resolvConf: '' }).hosts, /\n127\.0\.0\.1\tweb\n$/);
});

t.test('ClusterFirst takes the host’s resolv.conf and says so; Default has nothing to say', async (t) => {
  const resolvConf = 'nameserver 192.0.2.1\n';
  const first = planSandbox(pod(), { resolvConf });
  t.equal(first.resolvConf, resolvConf);
  t.match(first.events, [{ reason: 'MissingClusterDNS', message: /ClusterFirst/ }]);
  t.strictSame(planSandbox(pod([], { dnsPolicy: 'Default' }), { resolvConf }).events, []);
});

t.test('resolv.conf keeps servers, the last search list and the options, and drops comments', async (t) => {
  const host = `# made by hand
; and this
domain old.example
nameserver 192.0.2.1
  nameserver\t2001:db8::1
search a.example  b.example .
options ndots:2 rotate
options timeout:1 ndots:2
sortlist 192.0.2.0
`;
  t.strictSame(podResolvConf(host), {
    text: 'search a.example b.example\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions rotate timeout:1 ndots:2\n',
    problems: [],
  });
  t.equal(podResolvConf('domain only.example\n').text, 'search only.example\n');
  t.strictSame(podResolvConf(''), { text: '', problems: [] });
});

t.test('what is over the limits is named, never dropped silently', async (t) => {
  const servers = ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4', '5.5.5.5'];
  const many = podResolvConf(servers.map((server) => `nameserver ${server}\n`).join(''));
  t.equal(many.text, 'nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\n');
  t.match(many.problems, [/3 nameservers.*4\.4\.4\.4 5\.5\.5\.5/]);

  const domains = Array.from({ length: 34 }, (_, i) => `d${i}.example`);
  const searches = podResolvConf(`search ${domains.join(' ')}\n`);
  t.equal(searches.text.split(' ').length - 1, 32);
  t.match(searches.problems, [/32 search domains.*d32\.example d33\.example/]);

  const wide = podResolvConf(`search ${'a'.repeat(1500)} ${'b'.repeat(600)}\n`);
  t.equal(wide.text, `search ${'a'.repeat(1500)}\n`);
  t.equal(wide.problems.length, 1);
});

t.test('a stub resolver on loopback is kept and named', async (t) => {
  const stub = planSandbox(pod([], { dnsPolicy: 'Default' }), { resolvConf: 'nameserver 127.0.0.53\noptions edns0\n' });
  t.equal(stub.resolvConf, 'nameserver 127.0.0.53\noptions edns0\n');
  t.match(stub.events, [{ reason: 'DNSConfigForming', message: /127\.0\.0\.53.*can't be reached/ }]);
  t.strictSame(podResolvConf('nameserver 127.0.0.1\nnameserver 192.0.2.1\n').problems, []);
});
