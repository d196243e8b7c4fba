//! Which building stands where: each block filled by its use, then villages until the asked count is reached.

use super::district::{self, Districts, Kind, Superblock};
use super::forms;
use super::mask::{BUILDING, GREEN, Mask, Rect};
use super::shape::{Crown, Tier};
use glam::{DVec2, dvec2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One building before it has a height above sea level, an address or a grid cell.
pub struct Plot {
    pub rect: Rect,
    pub tier: Tier,
    pub usage: &'static str,
    pub roof: &'static str,
    pub storeys: u32,
    pub year: u32,
    pub name: Option<String>,
}

/// Ground laid out as something else than buildings.
pub struct Green {
    pub rect: Rect,
    pub class: &'static str,
    pub name: Option<String>,
    /// The superblock it ends with, if it lies in one.
    pub label: Option<u16>,
}

/// Fills blocks; keeps the mask, so that nothing overlaps.
pub struct Builder<'a> {
    pub mask: &'a mut Mask,
    pub rng: &'a mut ChaCha8Rng,
    pub plots: Vec<Plot>,
    pub greens: Vec<Green>,
    /// Which superblock is being filled; a villager's house is in none.
    within: Option<(&'a Districts, &'a Superblock)>,
    estates: usize,
}

/// Height of the skyline's envelope at `p`, metres: the lakeside centre, Suyu's, the old centre's edge.
fn skyline(p: DVec2) -> f64 {
    let peak = |at: DVec2, reach: f64, h: f64| h * (-(p - at).length_squared() / (2.0 * reach * reach)).exp();
    (38.0 + peak(district::CBD, 620.0, 165.0) + peak(district::SUYU, 420.0, 85.0) + peak(dvec2(-600.0, 900.0), 600.0, 55.0)).min(205.0)
}

pub fn roof_name(crown: Crown) -> &'static str {
    match crown {
        Crown::Flat => "flat",
        Crown::Gable(_) => "gabled",
        Crown::Hip(_) => "hipped",
        Crown::Pyramid(_) => "pyramidal",
        Crown::Shed(_) => "shed",
        Crown::Saw(..) => "sawtooth",
    }
}

impl<'a> Builder<'a> {
    pub fn new(mask: &'a mut Mask, rng: &'a mut ChaCha8Rng) -> Self {
        Self { mask, rng, plots: Vec::new(), greens: Vec::new(), within: None, estates: 0 }
    }

    /// Puts the building there if the place is free of roads, water, greens and other buildings.
    pub fn put(&mut self, rect: Rect, usage: &'static str, storeys: u32, year: u32, tier: Tier, name: Option<String>) -> bool {
        let at_home = self.within.is_none_or(|(districts, sb)| rect.corners().iter().all(|c| districts.holds(sb, *c)));
        if !at_home || !self.mask.free(&rect) {
            return false;
        }
        // Half a cell's diagonal, so that no cell touched by the building stays free.
        self.mask.take(&rect, 2.9, BUILDING);
        self.plots.push(Plot { rect, roof: roof_name(tier.crown), tier, usage, storeys, year, name });
        true
    }

    pub fn superblock(&mut self, districts: &'a Districts, sb: &'a Superblock) {
        self.within = Some((districts, sb));
        match sb.kind {
            Kind::Bank => {}
            Kind::Park => sb.blocks.iter().for_each(|b| self.green(*b, "park", Some("项王公园"))),
            Kind::Stadium => self.stadium(sb),
            _ => sb.blocks.iter().for_each(|b| self.block(sb.kind, *b)),
        }
    }

    fn block(&mut self, kind: Kind, block: Rect) {
        let dice: f64 = self.rng.random();
        let far = block.centre.length();
        // The centre does not end at a superblock's edge.
        let central = block.centre.distance(district::CBD) < 760.0 && matches!(kind, Kind::Core | Kind::Homes);
        match if central { Kind::Cbd } else { kind } {
            Kind::Cbd if dice < 0.08 => self.green(block, "square", None),
            Kind::Cbd => self.towers(block),
            Kind::Core if dice < 0.07 => self.green(block, "park", None),
            Kind::Core if dice < 0.55 => self.midrise(block),
            Kind::Core => self.estate(block, 18, 33),
            Kind::OldTown if dice < 0.05 => self.green(block, "square", None),
            Kind::OldTown => self.old_town(block),
            Kind::Industry if dice < 0.86 => self.sheds(block),
            Kind::Industry => self.estate(block, 5, 8),
            Kind::Campus => self.campus(block),
            Kind::Park => self.green(block, "park", None),
            _ if dice < 0.055 => self.green(block, "park", None),
            _ if dice < 0.10 => self.campus(block),
            _ if dice < 0.16 => self.midrise(block),
            _ if far < 2600.0 && dice < 0.70 => self.estate(block, 5, 7),
            _ if dice < 0.42 => self.estate(block, 6, 11),
            _ if dice < 0.78 => self.estate(block, 11, 18),
            _ if dice < 0.90 => self.estate(block, 18, 30),
            _ => self.estate(block, 3, 4),
        }
    }

    fn ground(&mut self, rect: Rect, class: &'static str, name: Option<&str>) {
        self.greens.push(Green { rect, class, name: name.map(str::to_owned), label: self.within.map(|(_, sb)| sb.label) });
    }

    fn green(&mut self, rect: Rect, class: &'static str, name: Option<&str>) {
        self.ground(rect, class, name);
        if class == "park" {
            let pavilions = 1 + (rect.size.x * rect.size.y / 40_000.0) as u32;
            for _ in 0..pavilions.min(5) {
                let at = rect.at(self.rng.random_range(-0.35..0.35), self.rng.random_range(-0.35..0.35));
                let size = DVec2::splat(self.rng.random_range(7.0..12.0));
                let tier = forms::house(size, 4.2, Crown::Pyramid(size.x * 0.3));
                self.put(Rect { centre: at, size, angle: rect.angle }, "public", 1, 2012, tier, None);
            }
        }
        if let Some((districts, sb)) = self.within {
            self.mask.take_where(&rect, GREEN, |p| districts.holds(sb, p));
        }
    }

    /// Rows of slabs facing south, as wide as the block lets them.
    fn estate(&mut self, block: Rect, low: u32, high: u32) {
        let storeys = self.rng.random_range(low..=high);
        let height = f64::from(storeys) * forms::HOME_STOREY_M;
        let south = block.angle.clamp(-0.30, 0.30);
        let depth = if storeys > 18 { 17.0 } else { self.rng.random_range(11.5..14.5) };
        let (length, gap) = match storeys {
            0..=4 => (self.rng.random_range(16.0..26.0), 9.0),
            5..=8 => (self.rng.random_range(44.0..68.0), 13.0),
            9..=18 => (self.rng.random_range(36.0..54.0), 18.0),
            _ => (self.rng.random_range(30.0..42.0), 26.0),
        };
        // Between rows: the sun of the shortest day for low slabs, staggered towers above.
        let pitch = depth + (height * 1.25).clamp(15.0, 50.0);
        let year = (if storeys <= 7 { 1994 } else { 2006 }) + self.rng.random_range(0..15);
        let name = super::names::estate(self.estates);
        self.estates += 1;
        let turn = DVec2::from_angle(block.angle - south);
        let reach = dvec2(
            (block.size.x * turn.x.abs() + block.size.y * turn.y.abs()) / 2.0,
            (block.size.x * turn.y.abs() + block.size.y * turn.x.abs()) / 2.0,
        );
        let frame = Rect { centre: block.centre, size: DVec2::ONE, angle: south };
        let rows = ((2.0 * reach.y - depth) / pitch).floor().max(0.0) as i32 + 1;
        let columns = ((2.0 * reach.x + gap) / (length + gap)).floor().max(1.0) as i32;
        let mut number = 1;
        for row in 0..rows {
            let v = (f64::from(row) - f64::from(rows - 1) / 2.0) * pitch;
            let shift = if row % 2 == 1 && storeys > 11 { 0.28 * (length + gap) } else { 0.0 };
            for column in 0..columns {
                let u = (f64::from(column) - f64::from(columns - 1) / 2.0) * (length + gap) + shift;
                // The last storeys differ a little along a row of towers, as built.
                let floors = if storeys > 9 { (storeys + self.rng.random_range(0..=3)).saturating_sub(1) } else { storeys };
                let rect = Rect { centre: frame.at(u, v), size: dvec2(length, depth), angle: south };
                if !inside(&block, &rect) {
                    continue;
                }
                let tier = self.home(rect.size, floors);
                if self.put(rect, "residential", floors, year, tier, Some(format!("{name}{number}号楼"))) {
                    number += 1;
                }
            }
        }
    }

    fn home(&mut self, size: DVec2, floors: u32) -> Tier {
        let height = f64::from(floors) * forms::HOME_STOREY_M;
        let dice: f64 = self.rng.random();
        if floors <= 4 {
            forms::house(size, height, forms::house_roof(size, self.rng))
        } else if floors <= 11 && dice < 0.35 {
            forms::house(size, height, if dice < 0.22 { Crown::Gable(size.y * 0.22) } else { Crown::Hip(size.y * 0.24) })
        } else {
            forms::slab(size, height, if size.x > 44.0 { 3 } else { 2 })
        }
    }

    /// Cuts a block into plots of about `least` to twice `least` metres, unevenly, as land was sold.
    fn parcels(&mut self, block: Rect, least: f64, out: &mut Vec<Rect>) {
        let long = block.size.x >= block.size.y;
        let side = block.size.max_element();
        if side < 2.0 * least || (side < 2.6 * least && block.size.min_element() < 1.6 * least && self.rng.random_bool(0.3)) {
            return out.push(block);
        }
        let cut = self.rng.random_range(0.38..0.62);
        for (mid, part) in [(cut / 2.0 - 0.5, cut), (cut / 2.0, 1.0 - cut)] {
            let (centre, size) = if long {
                (block.at(mid, 0.0), dvec2(block.size.x * part, block.size.y))
            } else {
                (block.at(0.0, mid), dvec2(block.size.x, block.size.y * part))
            };
            self.parcels(Rect { centre, size, angle: block.angle }, least, out);
        }
    }

    /// The tall centre: towers on podiums, by the skyline's envelope.
    fn towers(&mut self, block: Rect) {
        let mut parcels = Vec::new();
        self.parcels(block, 58.0, &mut parcels);
        for parcel in parcels {
            if self.rng.random_bool(0.09) {
                self.green(Rect { size: parcel.size - DVec2::splat(6.0), ..parcel }, "park", None);
                continue;
            }
            let plot = parcel.size - DVec2::splat(self.rng.random_range(13.0..22.0));
            if plot.min_element() < 20.0 {
                continue;
            }
            let height = (skyline(parcel.centre) * self.rng.random_range(0.42..1.12)).max(26.0);
            let podium = if height > 60.0 { f64::from(self.rng.random_range(3..=5)) * 4.6 } else { 9.2 };
            let side = self.rng.random_range(28.0..44.0_f64).min(plot.min_element() * 0.74);
            let plan = dvec2(side * self.rng.random_range(1.0..1.35_f64).min(plot.x / side * 0.8), side * self.rng.random_range(0.75..1.0));
            let tier = forms::tower(plot, podium, plan, height, self.rng);
            let usage = if self.rng.random_bool(0.7) { "office" } else { "commercial" };
            let year = self.rng.random_range(2008..2024);
            self.put(Rect { size: plot, ..parcel }, usage, (height / forms::OFFICE_STOREY_M).round() as u32, year, tier, None);
        }
    }

    /// Offices, shops and hotels of 5 to 25 storeys.
    fn midrise(&mut self, block: Rect) {
        let mut parcels = Vec::new();
        self.parcels(block, 42.0, &mut parcels);
        for parcel in parcels {
            let size = (parcel.size - DVec2::splat(13.0)) * dvec2(self.rng.random_range(0.7..1.0), self.rng.random_range(0.6..1.0));
            if size.min_element() < 12.0 || self.rng.random_bool(0.14) {
                continue;
            }
            let height = (skyline(parcel.centre) * self.rng.random_range(0.35..1.15)).clamp(13.0, 110.0);
            let storeys = (height / forms::OFFICE_STOREY_M).round() as u32;
            let year = self.rng.random_range(1998..2022);
            let usage = ["office", "commercial", "commercial", "public"][self.rng.random_range(0..4)];
            let tier = if height > 34.0 {
                forms::tower(size, 14.0, size * 0.62, height, self.rng)
            } else {
                forms::slab(size, f64::from(storeys) * forms::OFFICE_STOREY_M, 1)
            };
            self.put(Rect { size, ..parcel }, usage, storeys, year, tier, None);
        }
    }

    /// Small houses along lanes, shops on the street side.
    fn old_town(&mut self, block: Rect) {
        let mut v = -block.size.y / 2.0 + 5.5;
        while v < block.size.y / 2.0 - 4.0 {
            let deep = self.rng.random_range(8.0..11.0);
            let mut u = -block.size.x / 2.0;
            while u < block.size.x / 2.0 - 8.0 {
                let wide = self.rng.random_range(9.0..18.0_f64);
                let size = dvec2(wide, deep * self.rng.random_range(0.82..1.0));
                let rect = Rect {
                    centre: block.at((u + wide / 2.0) / block.size.x, v / block.size.y),
                    size,
                    angle: block.angle + self.rng.random_range(-0.03..0.03),
                };
                u += wide + self.rng.random_range(3.2..6.5);
                if self.rng.random_bool(0.07) || !inside(&block, &rect) {
                    continue;
                }
                let storeys = [1, 1, 2, 2, 2, 3][self.rng.random_range(0..6)];
                let usage = if self.rng.random_bool(0.22) { "commercial" } else { "residential" };
                let (crown, year) = (forms::house_roof(size, self.rng), self.rng.random_range(1935..1992));
                self.put(rect, usage, storeys, year, forms::house(size, f64::from(storeys) * 3.1, crown), None);
            }
            v += deep + self.rng.random_range(5.2..8.0);
        }
    }

    /// Large sheds with an office in front.
    fn sheds(&mut self, block: Rect) {
        let (wide, deep) = (self.rng.random_range(70.0..135.0), self.rng.random_range(38.0..66.0));
        let n = dvec2((block.size.x / (wide + 22.0)).floor().max(1.0), (block.size.y / (deep + 20.0)).floor().max(1.0));
        let eaves = self.rng.random_range(8.0..14.0);
        let style = self.rng.random_range(0..4);
        self.ground(block, "industrial", None);
        for i in 0..n.x as i32 {
            for j in 0..n.y as i32 {
                let cell = block.size / n;
                let centre = block.at((f64::from(i) + 0.5) / n.x - 0.5, (f64::from(j) + 0.5) / n.y - 0.5);
                let office = i == 0 && j == 0;
                let size = if office { dvec2(46.0, 16.0) } else { (cell - dvec2(20.0, 18.0)).min(dvec2(wide, deep)) };
                if size.min_element() < 12.0 || self.rng.random_bool(0.06) {
                    continue;
                }
                let rect = Rect { centre, size, angle: block.angle };
                let year = self.rng.random_range(2001..2023);
                if office {
                    let storeys = self.rng.random_range(3..=7);
                    self.put(rect, "office", storeys, year, forms::slab(size, f64::from(storeys) * 3.6, 1), None);
                    continue;
                }
                let tier = match style {
                    0 => forms::house(size, eaves, Crown::Gable(size.y * 0.07)),
                    1 => forms::house(size, eaves, Crown::Saw(2.6, (size.y / 14.0).round().max(2.0) as u32)),
                    2 => forms::house(size, eaves, Crown::Shed(2.4)),
                    _ => forms::slab(size, eaves + 3.0, 0),
                };
                self.put(rect, "industrial", if style == 3 { 2 } else { 1 }, year, tier, None);
            }
        }
    }

    /// Schools, hospitals, the university: wide slabs and a sports ground.
    fn campus(&mut self, block: Rect) {
        let ground = Rect { centre: block.at(-0.28, -0.22), size: dvec2(105.0, 68.0).min(block.size * 0.42), angle: block.angle };
        if ground.size.min_element() > 40.0 && self.mask.free(&ground) {
            self.green(ground, "sports", None);
        }
        let n = dvec2((block.size.x / 82.0).floor().max(1.0), (block.size.y / 46.0).floor().max(1.0));
        for i in 0..n.x as i32 {
            for j in 0..n.y as i32 {
                let size = dvec2(self.rng.random_range(44.0..66.0), self.rng.random_range(13.0..20.0));
                let centre = block.at((f64::from(i) + 0.5) / n.x - 0.5, (f64::from(j) + 0.5) / n.y - 0.5);
                let rect = Rect { centre, size, angle: block.angle };
                if self.rng.random_bool(0.15) || !inside(&block, &rect) {
                    continue;
                }
                let storeys = self.rng.random_range(3..=6);
                let height = f64::from(storeys) * 3.6;
                let tier =
                    if self.rng.random_bool(0.3) { forms::house(size, height, Crown::Hip(3.4)) } else { forms::slab(size, height, 2) };
                let year = self.rng.random_range(1998..2020);
                self.put(rect, "public", storeys, year, tier, None);
            }
        }
    }

    fn stadium(&mut self, sb: &Superblock) {
        let frame = Rect { centre: sb.centroid, size: DVec2::ONE, angle: sb.angle };
        let things: [(DVec2, DVec2, &str, u8); 3] = [
            (DVec2::ZERO, dvec2(250.0, 206.0), "宿迁奥体中心体育场", 0),
            (dvec2(225.0, 20.0), dvec2(120.0, 96.0), "宿迁奥体中心体育馆", 1),
            (dvec2(-225.0, 10.0), dvec2(110.0, 70.0), "宿迁奥体中心游泳馆", 2),
        ];
        for (at, size, name, shape) in things {
            let rect = Rect { centre: frame.at(at.x, at.y), size, angle: sb.angle };
            let tier = match shape {
                0 => forms::stadium(size),
                1 => Tier { taper: 0.8, ..Tier::new(super::shape::ellipse(size, 40), 22.0, Crown::Pyramid(5.0)) },
                _ => forms::house(size, 15.0, Crown::Shed(6.0)),
            };
            self.put(rect, "public", if shape == 0 { 4 } else { 2 }, 2019, tier, Some(name.to_owned()));
        }
        let plaza = Rect { size: dvec2(660.0, 330.0), ..frame };
        self.ground(plaza, "square", Some("奥体中心广场"));
        self.mask.take_where(&plaza, GREEN, |_| true);
        sb.blocks.iter().for_each(|b| self.block(if b.centre.distance(plaza.centre) < 420.0 { Kind::Park } else { Kind::Campus }, *b));
    }
}

/// Do all corners of `r` lie in `block`?
fn inside(block: &Rect, r: &Rect) -> bool {
    let turn = DVec2::from_angle(-block.angle);
    r.corners().iter().all(|c| {
        let q = turn.rotate(*c - block.centre).abs();
        q.x <= block.size.x / 2.0 && q.y <= block.size.y / 2.0
    })
}
