//! Criterion's figures of every scenario, each beside its floor.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lockout_benches::scenario::SUBJECTS;
use lockout_benches::{devices, engine, logged, moka};

fn all(criterion: &mut Criterion) {
    let scenarios = engine::scenarios().into_iter().chain(moka::scenarios());
    let scenarios = scenarios.chain(logged::scenarios()).chain(devices::scenarios());
    // Two threads at once are measured by the `quick` program.
    for scenario in scenarios.filter(|scenario| scenario.threads == 1) {
        let order = scenario.load.order(SUBJECTS);
        let mut group = criterion.benchmark_group(&scenario.what);
        for (name, operation) in [(scenario.floor_name, &scenario.floor), ("ours", &scenario.ours)]
        {
            let mut subjects = order.iter().cycle();
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| operation(subjects.next().copied().unwrap_or(0)));
            });
        }
        group.finish();
    }
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = all }
criterion_main!(benches);
