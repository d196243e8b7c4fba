//! Clusters of markers: what stands too close on the picture becomes one head with a count.

use super::incident::Severity;

/// A marker's head on the picture. Positions are in one unit for the whole wall, so that every node clusters alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    pub x: f64,
    pub y: f64,
    pub severity: Severity,
    /// Selected heads are never swallowed.
    pub alone: bool,
}

/// One head or several as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Where it is drawn: at its worst member, so that a critical incident never moves.
    pub x: f64,
    pub y: f64,
    /// The worst inside.
    pub severity: Severity,
    /// Indices into the heads given, worst first.
    pub members: Vec<usize>,
}

/// Greedy clustering, worst severity first: a head joins the first cluster within `reach` of it.
///
/// The order is by severity, then index, so the same heads always give the same clusters.
pub fn cluster(heads: &[Head], reach: f64) -> Vec<Cluster> {
    let mut order: Vec<usize> = (0..heads.len()).collect();
    order.sort_by_key(|&i| (heads[i].severity, i));
    let mut clusters: Vec<Cluster> = Vec::new();
    for i in order {
        let h = &heads[i];
        let near = |c: &&mut Cluster| (c.x - h.x).hypot(c.y - h.y) < reach && !heads[c.members[0]].alone;
        match clusters.iter_mut().find(near).filter(|_| !h.alone) {
            Some(c) => c.members.push(i),
            None => clusters.push(Cluster { x: h.x, y: h.y, severity: h.severity, members: vec![i] }),
        }
    }
    clusters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(x: f64, severity: Severity) -> Head {
        Head { x, y: 0.0, severity, alone: false }
    }

    #[test]
    fn close_heads_join_the_worst_and_every_head_is_in_one_cluster() {
        let heads = [head(0.0, Severity::Minor), head(5.0, Severity::Critical), head(100.0, Severity::Info)];
        let clusters = cluster(&heads, 20.0);
        assert_eq!(clusters.len(), 2);
        assert_eq!((clusters[0].severity, clusters[0].x, clusters[0].members.clone()), (Severity::Critical, 5.0, vec![1, 0]));
        assert_eq!(clusters.iter().map(|c| c.members.len()).sum::<usize>(), 3);
    }

    #[test]
    fn a_selected_head_stays_alone() {
        let mut heads = [head(0.0, Severity::Minor), head(1.0, Severity::Minor)];
        heads[1].alone = true;
        assert_eq!(cluster(&heads, 20.0).len(), 2);
    }
}
