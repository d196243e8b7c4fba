//! The main roads as a graph, and shortest ways through it.

use super::curve;
use super::roads::{Class, Road};
use glam::DVec2;

/// A stretch of road between two crossings.
pub struct Edge {
    pub ends: [usize; 2],
    pub line: Vec<DVec2>,
    pub length_m: f64,
    pub road: usize,
}

pub struct Network {
    pub nodes: Vec<DVec2>,
    pub edges: Vec<Edge>,
    at: Vec<Vec<usize>>,
}

/// Crossings nearer to each other than this are one, metres.
const MERGE_M: f64 = 12.0;

impl Network {
    /// Of all roads of the city above street class; `keep` leaves out what the graph should not have.
    pub fn new(roads: &[Road], keep: impl Fn(&Road) -> bool) -> Self {
        let used: Vec<usize> = (0..roads.len()).filter(|i| roads[*i].class != Class::Street && keep(&roads[*i])).collect();
        let mut net = Self { nodes: Vec::new(), edges: Vec::new(), at: Vec::new() };
        let mut cuts: Vec<Vec<(f64, usize)>> = vec![Vec::new(); roads.len()];
        for (k, &i) in used.iter().enumerate() {
            for &j in &used[k + 1..] {
                for (m, a) in roads[i].line.windows(2).enumerate() {
                    for (n, b) in roads[j].line.windows(2).enumerate() {
                        if let Some((t, u)) = curve::crossing(a[0], a[1], b[0], b[1]) {
                            let node = net.node(a[0].lerp(a[1], t));
                            cuts[i].push((m as f64 + t, node));
                            cuts[j].push((n as f64 + u, node));
                        }
                    }
                }
            }
        }
        for i in used {
            cuts[i].sort_by(|a, b| a.0.total_cmp(&b.0));
            let line = &roads[i].line;
            for w in cuts[i].windows(2).filter(|w| w[0].1 != w[1].1) {
                let mut part = vec![net.nodes[w[0].1]];
                part.extend((w[0].0.ceil() as usize..=w[1].0.floor() as usize).map(|k| line[k]));
                part.push(net.nodes[w[1].1]);
                net.edge([w[0].1, w[1].1], part, i);
            }
            // A ring closes over its own start.
            if let (Some(first), Some(last)) = (cuts[i].first(), cuts[i].last())
                && line[0].distance(line[line.len() - 1]) < 1.0
                && first.1 != last.1
            {
                let mut part = vec![net.nodes[last.1]];
                part.extend((last.0.ceil() as usize..line.len()).chain(0..=first.0.floor() as usize).map(|k| line[k]));
                part.push(net.nodes[first.1]);
                net.edge([last.1, first.1], part, i);
            }
        }
        net
    }

    fn edge(&mut self, ends: [usize; 2], mut line: Vec<DVec2>, road: usize) {
        line.dedup_by(|a, b| a.distance(*b) < 0.01);
        let length_m = curve::length(&line);
        ends.iter().for_each(|n| self.at[*n].push(self.edges.len()));
        self.edges.push(Edge { ends, line, length_m, road });
    }

    fn node(&mut self, p: DVec2) -> usize {
        if let Some(i) = self.nodes.iter().position(|q| q.distance(p) < MERGE_M) {
            return i;
        }
        self.nodes.push(p);
        self.at.push(Vec::new());
        self.nodes.len() - 1
    }

    pub fn nearest(&self, p: DVec2) -> usize {
        (0..self.nodes.len())
            .filter(|i| self.at[*i].len() > 2)
            .min_by(|a, b| self.nodes[*a].distance(p).total_cmp(&self.nodes[*b].distance(p)))
            .unwrap_or(0)
    }

    /// Edges of the cheapest way (Dijkstra); `cost` of an edge per metre. Empty when there is none.
    pub fn way(&self, from: usize, to: usize, cost: impl Fn(usize) -> f64) -> Vec<usize> {
        let n = self.nodes.len();
        let (mut best, mut via, mut done) = (vec![f64::INFINITY; n], vec![usize::MAX; n], vec![false; n]);
        best[from] = 0.0;
        while let Some(u) = (0..n).filter(|i| !done[*i] && best[*i].is_finite()).min_by(|a, b| best[*a].total_cmp(&best[*b])) {
            if u == to {
                break;
            }
            done[u] = true;
            for &e in &self.at[u] {
                let edge = &self.edges[e];
                let v = if edge.ends[0] == u { edge.ends[1] } else { edge.ends[0] };
                let d = best[u] + edge.length_m * cost(e);
                if d < best[v] {
                    (best[v], via[v]) = (d, e);
                }
            }
        }
        let mut out = Vec::new();
        let mut node = to;
        while node != from && via[node] != usize::MAX {
            out.push(via[node]);
            let ends = self.edges[via[node]].ends;
            node = if ends[0] == node { ends[1] } else { ends[0] };
        }
        out.reverse();
        out
    }

    /// The points of a way from a node on, and the node it ends at.
    pub fn trace(&self, from: usize, way: &[usize]) -> (Vec<DVec2>, usize) {
        let (mut node, mut out) = (from, vec![self.nodes[from]]);
        for &e in way {
            let edge = &self.edges[e];
            if edge.ends[0] == node {
                out.extend(&edge.line[1..]);
                node = edge.ends[1];
            } else {
                out.extend(edge.line.iter().rev().skip(1));
                node = edge.ends[0];
            }
        }
        (out, node)
    }
}
