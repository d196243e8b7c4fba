//! Every way of writing a surface.

use super::*;
use glam::DVec3;

fn building(content: &str) -> String {
    member(&format!("<b:Building g:id=\"house\">{content}</b:Building>"))
}

/// The corners of each face.
fn corners(source: &CitySource, object: usize) -> Vec<Vec<DVec3>> {
    source.objects[object].faces.iter().map(|f| f.corners().iter().map(|v| source.vertices[*v as usize]).collect()).collect()
}

#[test]
fn positions_come_in_every_way_of_writing_them() {
    let ring = |inside: &str| {
        let polygon = format!("<g:Polygon><g:exterior>{inside}</g:exterior></g:Polygon>");
        let (source, report) = read_model(&building(&format!("<b:lod1MultiSurface>{}</b:lod1MultiSurface>", surface(&polygon))));
        assert_eq!((report.objects_rejected, report.warnings.len()), (0, 0), "{inside}: {report:?}");
        corners(&source, 0).remove(0)
    };
    let expected = [DVec3::new(1.0, 2.0, 3.0), DVec3::new(4.5, 2.0, 3.0), DVec3::new(4.5, 7.0, 3.0)];
    for inside in [
        "<g:LinearRing><g:posList>1 2 3 4.5 2 3 4.5 7 3 1 2 3</g:posList></g:LinearRing>",
        "<g:LinearRing><g:posList srsDimension='3'>\n1 2 3\n\t4.5 2 3 4.5 2 3 4.5 7 3 1 2 3\n</g:posList></g:LinearRing>",
        "<g:LinearRing><g:pos>1 2 3</g:pos><g:pos>4.5 2 3</g:pos><g:pos>4.5 7 3</g:pos><g:pos>1 2 3</g:pos></g:LinearRing>",
        "<g:LinearRing><g:coordinates>1,2,3 4.5,2,3 4.5,7,3 1,2,3</g:coordinates></g:LinearRing>",
        "<g:LinearRing><g:pointProperty><g:Point><g:pos>1 2 3</g:pos></g:Point></g:pointProperty><g:pos>4.5 2 3</g:pos><g:pos>4.5 7 3</g:pos></g:LinearRing>",
        "<g:Ring><g:curveMember><g:LineString><g:posList>1 2 3 4.5 2 3</g:posList></g:LineString></g:curveMember>\
         <g:curveMember><g:LineString><g:posList>4.5 2 3 4.5 7 3 1 2 3</g:posList></g:LineString></g:curveMember></g:Ring>",
    ] {
        assert_eq!(ring(inside), expected, "{inside}");
    }
    let flat = ring("<g:LinearRing srsDimension='2'><g:posList>1 2 4.5 2 4.5 7 1 2</g:posList></g:LinearRing>");
    assert_eq!(flat, expected.map(|p| DVec3::new(p.x, p.y, 0.0)));
}

#[test]
fn holes_stay_holes_and_the_other_side_turns_rings() {
    let holed = "<g:Polygon><g:exterior><g:LinearRing><g:posList>0 0 5 9 0 5 9 9 5 0 9 5 0 0 5</g:posList></g:LinearRing></g:exterior>\
        <g:interior><g:LinearRing><g:posList>2 2 5 2 3 5 3 3 5 2 2 5</g:posList></g:LinearRing></g:interior>\
        <g:interior><g:LinearRing><g:posList>5 5 5 5 6 5 5 5 5</g:posList></g:LinearRing></g:interior></g:Polygon>";
    let turned = |sign: &str| {
        let orientable =
            format!("<g:OrientableSurface orientation=\"{sign}\"><g:baseSurface>{holed}</g:baseSurface></g:OrientableSurface>");
        let (source, report) = read_model(&building(&format!("<b:lod2MultiSurface>{}</b:lod2MultiSurface>", surface(&orientable))));
        assert_eq!(warned(&report, "hole left out: ring of fewer than 3 points"), 1);
        let face = source.objects[0].faces.get(0).unwrap();
        (face.surface, face.rings().map(<[u32]>::to_vec).collect::<Vec<_>>())
    };
    let ((up, rings), (down, back)) = (turned("+"), turned("-"));
    assert_eq!((up, down, rings.len(), rings[0].len(), rings[1].len()), (Surface::Roof, Surface::Ground, 2, 4, 3));
    let places = |rings: &[Vec<u32>]| rings.iter().map(|r| r.len()).collect::<Vec<_>>();
    assert_eq!(places(&rings), places(&back));
}

#[test]
fn a_solid_takes_its_surfaces_by_reference_forwards_and_backwards() {
    let bounded = |kind: &str, polygon: &str| {
        format!("<b:boundedBy><b:{kind}><b:lod2MultiSurface>{}</b:lod2MultiSurface></b:{kind}></b:boundedBy>", surface(polygon))
    };
    let door = format!(
        "<b:boundedBy><b:WallSurface><b:lod2MultiSurface>{}</b:lod2MultiSurface><b:opening><b:Door><q:stringAttribute name=\"colour\">\
         <q:value>red</q:value></q:stringAttribute><b:lod2MultiSurface>{}</b:lod2MultiSurface></b:Door></b:opening></b:WallSurface></b:boundedBy>",
        surface(&square("wall", 1.0)),
        surface(&square("door", 2.0))
    );
    let solid = "<b:lod2Solid><g:Solid><g:exterior><g:CompositeSurface><g:surfaceMember x:href=\"#roof\"/><g:surfaceMember x:href=\"#wall\"/>\
        <g:surfaceMember x:href=\"#ground\"/></g:CompositeSurface></g:exterior><g:interior><g:CompositeSurface/></g:interior></g:Solid></b:lod2Solid>";
    let content =
        format!("{}{solid}{}{door}", bounded("RoofSurface", &square("roof", 0.0)), bounded("GroundSurface", &square("ground", 3.0)));
    let (source, report) = read_model(&building(&content));
    let seen: Vec<Surface> = source.objects[0].faces.iter().map(|f| f.surface).collect();
    // In the solid's order; the door, which the solid does not name, is in front of its opening all the same.
    assert_eq!(seen, [Surface::Roof, Surface::Wall, Surface::Ground, Surface::Wall]);
    assert_eq!(source.objects[0].attributes["surfaces"], serde_json::json!([{"type": "Door", "colour": "red", "faces": 1}]));
    assert_eq!((report.warnings.len(), warned(&report, "inner shell of a solid left out")), (1, 1));
}

#[test]
fn references_lead_across_members_and_never_in_circles() {
    let by_reference = |id: &str, target: &str| {
        member(&format!(
            "<b:Building g:id=\"{id}\"><b:lod2MultiSurface><g:MultiSurface><g:surfaceMember x:href=\"{target}\"/></g:MultiSurface></b:lod2MultiSurface></b:Building>"
        ))
    };
    let shared = member(&format!(
        "<b:Building g:id=\"owner\"><b:lod2MultiSurface>{}</b:lod2MultiSurface></b:Building>",
        surface(&square("shared", 0.0))
    ));
    let circle = member(
        "<b:Building g:id=\"circle\"><b:lod2MultiSurface><g:MultiSurface g:id=\"a\"><g:surfaceMember x:href=\"#a\"/><g:surfaceMember x:href=\"#a\"/></g:MultiSurface></b:lod2MultiSurface></b:Building>",
    );
    let all = [
        by_reference("before", "#shared"),
        shared,
        by_reference("after", "#shared"),
        by_reference("lost", "#nowhere"),
        by_reference("far", "other.gml#x"),
        circle,
    ];
    let (source, report) = read_model(&all.concat());
    let ids: Vec<&str> = source.objects.iter().map(|o| o.id.as_str()).collect();
    assert_eq!(ids, ["before", "owner", "after"]);
    assert_eq!(corners(&source, 0), corners(&source, 1));
    assert_eq!((report.objects_in, report.objects_rejected), (6, 3));
    assert_eq!((warned(&report, "reference to nothing"), warned(&report, "reference to another file left out")), (1, 1));
    assert!(warned(&report, "references lead in circles") > 0);
    let told = &report.warnings["reference to nothing"].examples[0];
    assert!(told.contains("city.gml: line 12: object \"lost\"") && told.contains("#nowhere"), "{told}");
}

#[test]
fn references_that_multiply_are_stopped() {
    // Each level names the one below twenty times: 20^8 squares.
    let level = |n: usize| {
        let members = format!("<g:surfaceMember x:href=\"#m{}\"/>", n - 1).repeat(20);
        format!("<b:lod{n}MultiSurface><g:MultiSurface g:id=\"m{n}\">{members}</g:MultiSurface></b:lod{n}MultiSurface>")
    };
    let levels: String = (1..8).map(level).collect();
    let content = format!(
        "<b:lod0FootPrint><g:MultiSurface g:id=\"m0\"><g:surfaceMember>{}</g:surfaceMember></g:MultiSurface></b:lod0FootPrint>{levels}",
        square("s", 0.0)
    );
    let (source, report) = read_model(
        &(building(&content)
            + &member(&format!(
                "<b:Building g:id=\"next\"><b:lod1MultiSurface>{}</b:lod1MultiSurface></b:Building>",
                surface(&square("n", 0.0))
            ))),
    );
    assert_eq!((warned(&report, "references ask for too much"), report.objects_rejected), (1, 1));
    assert_eq!(source.objects.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["next"]);
}

#[test]
fn templates_stand_where_their_matrix_and_point_put_them() {
    let tree = |id: &str, geometry: &str| {
        member(&format!(
            "<v:SolitaryVegetationObject g:id=\"{id}\"><v:species>1040</v:species><v:height uom=\"m\">5</v:height><v:lod2ImplicitRepresentation><ImplicitGeometry>\
             <mimeType>text/xml</mimeType><transformationMatrix>2 0 0 1 0 2 0 0 0 0 2 0 0 0 0 1</transformationMatrix>{geometry}\
             <referencePoint><g:Point><g:pos>100 200 7</g:pos></g:Point></referencePoint></ImplicitGeometry></v:lod2ImplicitRepresentation></v:SolitaryVegetationObject>"
        ))
    };
    let inline = format!(
        "<relativeGMLGeometry><g:MultiSurface g:id=\"crown\"><g:surfaceMember>{}</g:surfaceMember></g:MultiSurface></relativeGMLGeometry>",
        square("leaf", 0.0)
    );
    let library = "<libraryObject>tree.wrl</libraryObject>";
    let all = [tree("first", &inline), tree("second", "<relativeGMLGeometry x:href=\"#crown\"/>"), tree("third", library)].concat();
    let (source, report) = read_model(&all);
    assert_eq!(source.objects.len(), 2, "{report:?}");
    for object in [0, 1] {
        assert_eq!(corners(&source, object)[0][0], DVec3::new(101.0, 200.0, 17.0));
        assert_eq!(corners(&source, object)[0][2], DVec3::new(103.0, 202.0, 17.0));
        assert_eq!(source.objects[object].faces.get(0).unwrap().surface, Surface::Green);
    }
    assert_eq!((warned(&report, "library object left out"), report.objects_rejected), (1, 1));
}

#[test]
fn the_level_of_detail_asked_for_is_taken() {
    let content: String = (0..4)
        .map(|lod| {
            let name = if lod == 0 { "FootPrint" } else { "MultiSurface" };
            format!("<b:lod{lod}{name}>{}</b:lod{lod}{name}>", surface(&square(&format!("p{lod}"), f64::from(lod))))
        })
        .collect();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("city.gml");
    std::fs::write(&file, model(&building(&content))).unwrap();
    for (asked, taken) in [(None, "3"), (Some("2"), "2"), (Some("1"), "1"), (Some("0"), "0"), (Some("1.3"), "1")] {
        let (mut report, mut lods) = (BuildReport::default(), Vec::new());
        let options = ReadOptions { lod: asked.map(str::to_owned), ..ReadOptions::default() };
        let mut take = |part: CitySource| {
            lods.extend(part.objects.iter().map(|o| o.lod.clone()));
            Ok(())
        };
        read_parts(&file, &options, &mut report, &mut take).unwrap();
        assert_eq!(lods, [taken], "{asked:?}");
    }
}

#[test]
fn a_solid_that_repeats_its_surfaces_is_told_by_them() {
    let both = |roofs: &str| {
        let solid = format!(
            "<b:lod2Solid><g:Solid><g:exterior><g:CompositeSurface><g:surfaceMember>{}</g:surfaceMember><g:surfaceMember>{}</g:surfaceMember>\
             </g:CompositeSurface></g:exterior></g:Solid></b:lod2Solid>",
            square("s1", 0.0),
            square("s2", 1.0)
        );
        let bounded = format!(
            "<b:boundedBy><b:WallSurface><b:lod2MultiSurface>{}</b:lod2MultiSurface></b:WallSurface></b:boundedBy>",
            surface(roofs)
        );
        let (source, _) = read_model(&building(&(solid + &bounded)));
        source.objects[0].faces.iter().map(|f| f.surface).collect::<Vec<_>>()
    };
    let two = format!("{}</g:surfaceMember><g:surfaceMember>{}", square("b1", 0.0), square("b2", 1.0));
    assert_eq!(both(&two), [Surface::Wall; 2], "the surfaces know what they are");
    assert_eq!(both(&square("b1", 0.0)), [Surface::Roof; 2], "half of the surfaces are no building");
}

#[test]
fn roads_come_with_their_traffic_areas_and_terrain_in_triangles() {
    let area = |kind: &str, id: &str| {
        format!(
            "<t:{kind}><t:{} g:id=\"{id}a\"><t:function>driving_lane</t:function><t:lod2MultiSurface>{}</t:lod2MultiSurface></t:{}></t:{kind}>",
            kind[..1].to_uppercase() + &kind[1..],
            surface(&square(id, 0.0)),
            kind[..1].to_uppercase() + &kind[1..]
        )
    };
    let road = member(&format!("<t:Road g:id=\"road\">{}{}</t:Road>", area("trafficArea", "r1"), area("auxiliaryTrafficArea", "r2")));
    let tin = "<d:tin><g:Tin><g:trianglePatches><g:Triangle><g:exterior><g:LinearRing><g:posList>0 0 1 1 0 1 0 1 1 0 0 1</g:posList></g:LinearRing></g:exterior></g:Triangle></g:trianglePatches></g:Tin></d:tin>";
    let relief = member(&format!(
        "<d:ReliefFeature g:id=\"land\"><d:lod>1</d:lod><d:reliefComponent><d:TINRelief g:id=\"tin\"><d:lod>1</d:lod>{tin}</d:TINRelief></d:reliefComponent></d:ReliefFeature>"
    ));
    let (source, report) = read_model(&(road + &relief));
    assert_eq!(report.warnings.len(), 0, "{report:?}");
    let told: Vec<(&str, &str, usize)> = source.objects.iter().map(|o| (o.id.as_str(), o.lod.as_str(), o.faces.len())).collect();
    assert_eq!(told, [("road", "2", 2), ("land", "", 0), ("tin", "1", 1)]);
    assert!(source.objects[0].faces.iter().all(|f| f.surface == Surface::Road) && source.objects[2].parent.as_deref() == Some("land"));
    assert_eq!(source.objects[0].attributes["surfaces"][1]["type"], "AuxiliaryTrafficArea");
}

#[test]
fn a_big_terrain_comes_in_pieces() {
    let triangle = |i: usize| {
        format!(
            "<g:Triangle><g:exterior><g:LinearRing><g:posList srsDimension=\"3\">{i}.125 457614.969 8.392 {i}.625 457604.995 8.405 {i}.5 457609.895 8.384 {i}.125 457614.969 8.392</g:posList></g:LinearRing></g:exterior></g:Triangle>\n"
        )
    };
    let count = 30_000;
    let triangles: String = (0..count).map(triangle).collect();
    let tin = format!("<d:tin><g:TriangulatedSurface><g:trianglePatches>{triangles}</g:trianglePatches></g:TriangulatedSurface></d:tin>");
    let relief = member(&format!(
        "<d:ReliefFeature g:id=\"land\"><d:lod>1</d:lod><d:reliefComponent><d:TINRelief g:id=\"tin\"><d:lod>1</d:lod>{tin}</d:TINRelief></d:reliefComponent></d:ReliefFeature>"
    ));
    let after = member("<b:Building g:id=\"house\"><b:lod1MultiSurface x:href=\"#nothing\"/></b:Building>");
    let text = model(&(relief + &after));
    let line = 1 + text[..text.find("g:id=\"house\"").unwrap()].matches('\n').count();
    let (source, report) = read_text(text);
    let source = source.unwrap();
    let ids: Vec<&str> = source.objects.iter().map(|o| o.id.as_str()).collect();
    assert_eq!(ids, ["land", "tin", "tin/2"]);
    assert_eq!((source.objects[1].faces.len() + source.objects[2].faces.len(), report.objects_in), (count, 3));
    assert!(report.warnings["reference to nothing"].examples[0].contains(&format!("line {line}:")), "{report:?}");
}
